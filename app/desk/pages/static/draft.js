import { el } from "./room.js";

export default { name: "draft", client: true, open(root) { root.replaceChildren(el("p")); } };
