"""More captions for sounds to train on, as a job. arguments: sounds and out, tables; count, new captions for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write `out` with the sounds' own captions first and new ones by synonyms and templates after them; the result counts these."""
    from clvap.captions import run as captions
    from clvap.captions.judge import Judge
    from clvap.captions.rewrite import Rewriter, Settings
    from clvap.captions.synonyms import Synonyms

    rows = captions.read(Path(arguments["sounds"]))
    rewriter = Rewriter(Judge(Synonyms.load(), None), Settings(per_caption=arguments["count"]))
    report = captions.run(rows, Path(arguments["out"]), rewriter, progress)
    return {"made": sum(map(len, report.captions.values()))}
