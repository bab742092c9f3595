"""What `xinheng lineage` does: an artifact traced through its parents' manifests to where its rows come from.

Everything stands in the manifests: no table is opened. A parent is looked for by kind, name and digest below given
folders; what is not found, or is not what its child was made of, is shown as such and not left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.leaderboard_runs import mapping, public
from app.lineage_nodes import DAMAGED, MISSING, OUTSIDE, Node, counts, node_id, number, said
from app.lineage_shelf import Shelf
from xinheng.artifacts import Artifact, verify

_LOCAL: Final = re.compile(r"local:(?P<base>.+?)(?:\+(?P<adapter>.+?))?(?:\?4bit)?$")


@dataclass
class Lineage:
    """The picture: boxes, and from what to what (by what it is known: `digest` or `name`)."""

    root: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "root": self.root,
            "nodes": [vars(node) for node in self.nodes.values()],
            "edges": [{"from": one, "to": other, "by": how} for (one, other), how in self.edges.items()],
        }

    @property
    def broken(self) -> list[Node]:
        """What is missing, damaged or not as it should be."""
        return [node for node in self.nodes.values() if node.state in {MISSING, DAMAGED} or node.problems]


def lineage(start: Artifact, known: Shelf, *, descendants: bool = False, check: bool = False) -> Lineage:
    """The picture of an artifact: its parents and theirs, up to the publishers' files.

    Args:
        start: The artifact.
        known: Where parents are looked for.
        descendants: Also what was made of it, and what that was made of.
        check: Also read every file of every artifact and compare it with its manifest.
    """
    known.add(start)
    drawn = Lineage(root=node_id(start))
    down = {drawn.root} if descendants else set[str]()
    waiting = [start]
    while waiting:
        artifact = waiting.pop()
        if node_id(artifact) in drawn.nodes:
            continue
        node = _artifact_node(artifact, known, check=check)
        drawn.nodes[node.node_id] = node
        top = _steps(artifact, node, drawn)
        for link in _parents(artifact):
            parent = known.find(link)
            if parent is not None:
                waiting.append(parent)
                _compare(link, parent, node)
            drawn.edges[(node_id(parent) if parent else _lost(link, known, drawn), top)] = "digest"
        _files(artifact, node, drawn)
        waiting += _models(artifact, node, known, drawn)
        if node.node_id in down:
            children = [one for one in known.all() if node.node_id in _made_of(one, known)]
            down |= {node_id(child) for child in children}
            waiting += children
            publications_of(artifact, known, drawn)
    _circles(drawn)
    return drawn


def _parents(artifact: Artifact) -> list[Mapping[str, Any]]:
    links = artifact.manifest.get("parents")
    return [mapping(link) for link in links] if isinstance(links, list) else []


def _made_of(artifact: Artifact, known: Shelf) -> set[str]:
    """The artifacts that an artifact's manifest names, parents and models."""
    found = [known.find(link) for link in _parents(artifact)] + [made for _, made in _answering(artifact, known)]
    return {node_id(one) for one in found if one is not None}


def _circles(drawn: Lineage) -> None:
    """Say of a part that is made of itself, by whatever way, that this cannot be."""
    from reports.layers import ranks

    rank = ranks(list(drawn.nodes), list(drawn.edges))
    for one, other in drawn.edges:
        if rank[one] >= rank[other]:
            drawn.nodes[other].problems.append(said("is said to be made of itself", "紀錄為由自身製成，無法成立"))


def write_page(drawn: Lineage, path: Path) -> None:
    """The picture as a page of its own.

    Raises:
        WriteError: The disk refuses.
    """
    from app.pairwise_runs import write_page as written
    from reports.provenance import provenance_page

    written(provenance_page(drawn.facts()), path)


def _artifact_node(artifact: Artifact, known: Shelf, *, check: bool) -> Node:
    node = Node(
        node_id(artifact),
        artifact.kind,
        str(artifact.manifest["name"]),
        artifact.digest,
        place=known.place(artifact.path),
    )
    node.lines = list(counts(artifact))
    if check and (problems := verify(artifact)):
        node.state = DAMAGED
        node.problems = [said(f"not as it was written: {one}", f"與寫入時不符：{one}") for one in problems[:3]]
    return node


def _steps(artifact: Artifact, node: Node, drawn: Lineage) -> str:
    """The box of a dataset's steps before it, if it has some; what its parents point to."""
    facts = mapping(artifact.manifest.get("facts"))
    recipe = mapping(facts.get("recipe"))
    steps = recipe.get("steps")
    if artifact.kind != "dataset" or not isinstance(steps, list):
        return node.node_id
    rows = mapping(facts.get("rows"))
    read, kept, dropped = (number(rows.get(name)) for name in ("read", "kept", "dropped"))
    lines = [
        said(f"{len(steps):,} step{'s' * (len(steps) != 1)}", f"{len(steps):,} 個步驟"),
        said(f"read {read:,}, kept {kept:,}", f"讀入 {read:,}，保留 {kept:,}"),
        said(f"dropped {dropped:,}", f"剔除 {dropped:,}"),
    ]
    found = Node(f"steps of {node.node_id}", "steps", str(recipe.get("name") or artifact.manifest["name"]), lines=lines)
    found.state = OUTSIDE
    drawn.nodes[found.node_id] = found
    drawn.edges[(found.node_id, node.node_id)] = "digest"
    return found.node_id


def _files(artifact: Artifact, node: Node, drawn: Lineage) -> None:
    """The publisher's files that a source was read from."""
    facts = mapping(artifact.manifest.get("facts"))
    told = mapping(facts.get("source"))
    if artifact.kind != "source" or not told:
        return
    count, licence = number(facts.get("files")), str(told.get("licence") or "")
    lines = [
        said(f"{count:,} file{'s' * (count != 1)}", f"{count:,} 個檔案"),
        said(licence or "no licence", licence or "無授權資訊"),
    ]
    found = Node(f"files of {node.node_id}", "files", str(told.get("title") or node.name), lines=lines, state=OUTSIDE)
    if (stamp := mapping(artifact.manifest.get("files")).get("files.sha256")) is not None:
        found.digest = str(mapping(stamp).get("sha256") or "")
    drawn.nodes[found.node_id] = found
    drawn.edges[(found.node_id, node.node_id)] = "digest"


def _lost(link: Mapping[str, Any], known: Shelf, drawn: Lineage) -> str:
    """A parent that nobody can open: not there, or there with a manifest that cannot be trusted."""
    name, digest = f"{link.get('kind')}:{link.get('name')}:{link.get('digest')}", str(link.get("digest") or "")
    node = Node(name, str(link.get("kind")), str(link.get("name")), digest, state=MISSING)
    node.problems = [said("no artifact of this digest was found", "找不到此雜湊值的成品")]
    if (folder := known.damaged.get(digest)) is not None:
        node.state, node.place = DAMAGED, known.place(folder)
        node.problems = [
            said(
                "its manifest cannot be trusted: xinheng validate says why", "紀錄檔不可信，請以 xinheng validate 檢查"
            )
        ]
    drawn.nodes.setdefault(name, node)
    return name


def _compare(link: Mapping[str, Any], parent: Artifact, node: Node) -> None:
    """A parent of the same digest and another name holds the same rows, and is told to be another."""
    named = f"{link.get('kind')} {link.get('name')}"
    if f"{parent.kind} {parent.manifest['name']}" != named:
        text = f"made of {named}; found is {parent.kind} {parent.manifest['name']} with the same rows"
        node.problems.append(
            said(text, f"原由 {named} 製成，找到的是內容相同的 {parent.kind} {parent.manifest['name']}")
        )


def _models(artifact: Artifact, node: Node, known: Shelf, drawn: Lineage) -> list[Artifact]:
    """The models behind an artifact: an adapter's base, and who answered; adapters that lie there are followed."""
    facts = mapping(artifact.manifest.get("facts"))
    base = mapping(facts.get("base"))
    follow = []
    if base:
        _model(str(base.get("name")), str(base.get("identity") or ""), node, drawn)
    for told, made in _answering(artifact, known):
        link = mapping(told.get("artifact"))
        if made is not None:
            follow.append(made)
            drawn.edges[(node_id(made), node.node_id)] = "digest" if link else "name"
            if link:
                _compare(link, made, node)
        elif link:
            drawn.edges[(_lost(link, known, drawn), node.node_id)] = "digest"
        else:
            _model(str(told.get("name")), str(told.get("identity") or ""), node, drawn)
    return follow


def _answering(artifact: Artifact, known: Shelf) -> list[tuple[Mapping[str, Any], Artifact | None]]:
    """The models that answered, each with its artifact: by its digest, or by its folder where none was recorded."""
    models = mapping(artifact.manifest.get("facts")).get("models") if artifact.kind == "predictions" else None
    found: list[tuple[Mapping[str, Any], Artifact | None]] = []
    for told in map(mapping, models if isinstance(models, list) else []):
        parts = _LOCAL.match(str(told.get("name")))
        folder = parts["adapter"] or parts["base"] if parts else None
        if link := mapping(told.get("artifact")):
            found.append((told, known.find(link)))
        else:
            found.append((told, known.by_folder.get(os.path.realpath(folder)) if folder else None))
    return found


def _model(name: str, identity: str, node: Node, drawn: Lineage) -> None:
    shown = str(public(name))
    key = f"model:{shown}:{identity}"
    digest = identity.rpartition("sha256:")[2] if "sha256:" in identity else ""
    drawn.nodes.setdefault(key, Node(key, "model", shown, digest, state=OUTSIDE))
    drawn.edges[(key, node.node_id)] = "name"


def publication_id(folder: Path) -> str:
    """A publication's own name in the picture."""
    return f"publication:{os.path.realpath(folder)}"


def publications_of(artifact: Artifact, known: Shelf, drawn: Lineage) -> None:
    """Draw the publications of an artifact below it."""
    for folder, told in known.publications:
        if mapping(told.get("artifact")).get("digest") != artifact.digest:
            continue
        key = publication_id(folder)
        lines = [said(f"version {told.get('version')}", f"版本 {told.get('version')}")]
        lines.append(said(str(told.get("licence") or ""), str(told.get("licence") or "")))
        found = Node(key, "publication", str(told.get("name")), str(told.get("digest") or ""), lines)
        found.place = known.place(folder)
        drawn.nodes[key] = found
        drawn.edges[(node_id(artifact), key)] = "digest"
