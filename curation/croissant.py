"""Croissant: the description of a published dataset for machines, with the fields for responsible use.

Source: Croissant Format Specification 1.1 and Croissant RAI 1.0, MLCommons. `mlcroissant` validates it and reads by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from xinheng.artifacts import file_sha256
from xinheng.printing import plain

_PARQUET: Final = "application/x-parquet"
_CONFORMS: Final = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_OURS: Final = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileProperty",
    "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
    "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
    "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: Final[Mapping[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _OURS},
}
_SPLIT: Final = {
    "@type": "cr:Field",
    "@id": "default/split",
    "name": "split",
    "description": "train, validation or test, by the name of the file",
    "dataType": "sc:Text",
    "source": {
        "fileSet": {"@id": "parquet"},
        "extract": {"fileProperty": "filename"},
        "transform": {"regex": "^(train|validation|test)-.*$"},
    },
}
USES: Final = (
    "Research on counselling dialogue and its evaluation, teaching, comparison of models under supervision. Not for "
    "answering people who seek help, diagnosis, decisions about people, advertising, or finding out who wrote a text."
)


@dataclass(frozen=True)
class Described:
    """What a description needs beside the files.

    Args:
        name: Of the dataset, letters, digits, `-` and `_`.
        title: In English.
        version: Of the publication.
        licence: Address or name of the licence.
        languages: Of its rows.
        address: Of its page, empty where it has none.
        cite: How to cite it.
        authors: Names.
        date: Published on (ISO).
        rai: Fields for responsible use, without prefix; what nobody answered is left out.
    """

    name: str
    title: str
    version: str
    licence: str
    languages: Sequence[str]
    address: str
    cite: str
    authors: Sequence[str]
    date: str
    rai: Mapping[str, Any]


def croissant(told: Described, folder: Path) -> str:
    """The JSON-LD of a folder whose rows lie in `data/*.parquet`."""
    from pyarrow import parquet

    files = sorted((folder / "data").glob("*.parquet"))
    schema = parquet.read_schema(files[0])
    return _written(
        told, [_file(path) for path in files], [_field(column, f"default/{column.name}", ()) for column in schema]
    )


def _written(told: Described, files: Sequence[Any], fields: Sequence[Any]) -> str:
    found: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": told.name,
        "alternateName": plain(told.title),
        "description": f"{plain(told.title)}. For research only; no advice. See README.md and DATASHEET.md beside it.",
        "conformsTo": list(_CONFORMS),
        "license": plain(told.licence),
        **({"url": told.address} if told.address else {}),
        "version": told.version,
        "datePublished": told.date,
        "inLanguage": list(told.languages),
        "isLiveDataset": False,
        "citeAs": plain(told.cite, limit=2_000),
        "keywords": ["counselling", "mental health", "not for advice"],
        "creator": [{"@type": "sc:Person", "name": plain(name)} for name in told.authors],
        **{f"rai:{name}": value for name, value in told.rai.items() if value},
        "distribution": [
            *files,
            {
                "@type": "cr:FileSet",
                "@id": "parquet",
                "name": "parquet",
                "description": "All rows, a file or more per split",
                "encodingFormat": _PARQUET,
                "includes": "data/*.parquet",
            },
        ],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "default", "name": "default", "field": [*fields, _SPLIT]}],
    }
    if not told.authors:
        del found["creator"]
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _file(path: Path) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": f"data/{path.name}",
        "name": path.name,
        "contentUrl": f"data/{path.name}",
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _PARQUET,
        "sha256": file_sha256(path),
    }


def _field(column: Any, place: str, path: Sequence[str]) -> dict[str, Any]:
    """A column, or a field inside one, as Croissant names it: lists are arrays, structs have sub-fields."""
    import pyarrow as pa

    dtype, shape = column.type, {}
    while pa.types.is_list(dtype) or pa.types.is_large_list(dtype):
        dtype, shape = dtype.value_type, {"isArray": True, "arrayShape": "-1"}
    found = {"@type": "cr:Field", "@id": place, "name": column.name, **shape}
    if pa.types.is_struct(dtype):
        top = path or (column.name,)
        return {**found, "subField": [_field(one, f"{place}/{one.name}", (*top, one.name)) for one in dtype]}
    top = path or (column.name,)
    source: dict[str, Any] = {"fileSet": {"@id": "parquet"}, "extract": {"column": top[0]}}
    if len(top) > 1:
        source["transform"] = {"jsonPath": "[*].".join(top[1:])}
    return {**found, "dataType": _type(dtype), "source": source}


def _type(dtype: Any) -> str:
    import pyarrow as pa

    kinds = (
        (pa.types.is_boolean, "sc:Boolean"),
        (pa.types.is_integer, "sc:Integer"),
        (pa.types.is_floating, "sc:Float"),
        (pa.types.is_timestamp, "sc:DateTime"),
    )
    return next((name for fits, name in kinds if fits(dtype)), "sc:Text")
