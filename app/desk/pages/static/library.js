import { el } from "./room.js";

export default { name: "library", client: false, open(root) { root.replaceChildren(el("p")); } };
