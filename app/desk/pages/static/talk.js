import { el } from "./room.js";

export default { name: "talk", client: false, open(root) { root.replaceChildren(el("p")); } };
