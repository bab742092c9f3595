import { el } from "./room.js";

export default { name: "files", client: true, open(root) { root.replaceChildren(el("p")); } };
