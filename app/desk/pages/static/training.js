import { el } from "./room.js";

export default { name: "training", client: true, open(root) { root.replaceChildren(el("p")); } };
