import { el } from "./room.js";

export default { name: "practice", client: false, open(root) { root.replaceChildren(el("p")); } };
