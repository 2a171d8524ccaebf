"""More captions for sounds to train on, as a job. arguments: sounds and out, tables; count, new captions for each; and, where a language
model writes them, its address and name, and cache, where its answers are kept."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from clvap.progress import Progress


def run(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write `out` with the sounds' own captions first and the new ones after them; the result counts these, `plain` those without a language model."""
    from app.services.training import language_model
    from clvap.captions import run as captions
    from clvap.captions.judge import Judge
    from clvap.captions.rewrite import Rewriter, Settings
    from clvap.captions.synonyms import Synonyms

    rows, out, count = captions.read(Path(arguments["sounds"])), Path(arguments["out"]), arguments["count"]
    if "address" in arguments:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each of thousands of requests
        model = language_model.LanguageModel(arguments["address"], arguments["model"])
        report = language_model.write(model, rows, out, count, Path(arguments["cache"]), progress)
        print(f"{report.requests} requests, {report.kept} answers kept from before, {report.tokens_in} tokens in and {report.tokens_out} out")
        print(f"refused: {', '.join(f'{number} {reason}' for reason, number in report.rejected.most_common()) or 'none'}")
    else:
        report = captions.run(rows, out, Rewriter(Judge(Synonyms.load()), Settings(per_caption=count)), progress)
    return {"made": sum(map(len, report.captions.values())), "plain": report.templates}
