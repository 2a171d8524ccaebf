"""`python -m clvap caption`: more captions for every sound of a manifest or a folder."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from clvap.console import Spoken
from clvap.workspace import default_workspace

if TYPE_CHECKING:
    from clvap.captions.judge import Embed
    from clvap.captions.rewrite import Report, Rewriter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a manifest (CSV or JSON Lines) or a folder of sounds")
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT", help="the manifest to write")
    parser.add_argument("--per-caption", type=int, default=3, metavar="N", help="new captions for each caption (%(default)s); 0 only collects them")
    parser.add_argument("--preview", action="store_true", help="print each sound's path and caption, write nothing")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    asked = parser.add_argument_group("a language model; without one, synonyms and templates make the captions")
    asked.add_argument("--endpoint", metavar="URL", help="any OpenAI-compatible one, such as http://localhost:8000/v1 or https://router.huggingface.co/v1")
    asked.add_argument("--model", default="meta-llama/Llama-3.1-70B-Instruct", metavar="NAME", help="the model's name there (%(default)s)")
    asked.add_argument("--token-env", metavar="NAME", help="variable that holds the token; by default HF_TOKEN, sent to Hugging Face and to this machine only")
    asked.add_argument("--temperature", type=float, default=0.8, metavar="T", help="how freely it writes (%(default)s)")
    asked.add_argument("--workers", type=int, default=4, metavar="N", help="requests at a time (%(default)s)")
    asked.add_argument("--timeout", type=float, default=120, metavar="S", help="seconds without a word after which a request is tried again (%(default)s)")
    asked.add_argument("--tries", type=int, default=6, metavar="N", help="tries of one request (%(default)s), with longer and longer waits between")
    asked.add_argument("--check-with", metavar="NAME_OR_PATH", help="a CLVAP model that judges captions which none of the known words vouches for")
    asked.add_argument("--cache", type=Path, metavar="FILE", help="where answers are kept, so that none is paid for twice (captions.sqlite of the workspace)")
    asked.add_argument("--estimate", action="store_true", help="print what the run would take and stop")
    asked.add_argument(
        "--price-per-million", type=float, nargs="+", default=(), metavar="PRICE", help="of tokens: one price, or one for those in and one for those out"
    )
    asked.add_argument("--yes", action="store_true", help="do not ask before more than 500 requests or a price above 5")


def caption(parsed: argparse.Namespace) -> str:
    """Write more captions for sounds: by a language model, or by synonyms and templates."""
    from clvap.captions import CaptionError, run
    from clvap.captions.rewrite import price

    if not parsed.source.exists():
        raise CaptionError(f"{parsed.source}: no such manifest or folder; check the path")
    rows = run.read(parsed.source)
    if parsed.preview:
        if parsed.json:
            return _json(captions=[{"path": str(row.path), "captions": list(row.captions)} for row in rows])
        return "\n".join(f"{row.path} -> {' | '.join(row.captions)}" for row in rows)
    if len(parsed.price_per_million) > 2:
        raise CaptionError("--price-per-million takes one price, or one for tokens in and one for tokens out")
    rewriter = _rewriter(parsed)
    estimate = rewriter.estimate(run.subjects(rows), parsed.price_per_million)
    if parsed.estimate:
        return _json(**vars(estimate)) if parsed.json else str(estimate)
    if parsed.out is None:
        raise CaptionError("nowhere to write; name the manifest to write after the source, or ask for --preview or --estimate")
    if rewriter.chat:
        print(estimate, file=sys.stderr)
        run.consent(estimate, parsed.yes)
    report = run.run(rows, parsed.out, rewriter, Spoken())
    paid = price(report.tokens_in, report.tokens_out, parsed.price_per_million)
    return _said(parsed, len(rows), report, paid)


def _rewriter(parsed: argparse.Namespace) -> Rewriter:
    from clvap.captions.answers import Answers
    from clvap.captions.endpoint import Chat, Endpoint, token_for
    from clvap.captions.judge import Judge
    from clvap.captions.rewrite import Rewriter, Settings
    from clvap.captions.synonyms import Synonyms

    judge = Judge(Synonyms.load(), _embed(parsed.check_with))
    settings = Settings(parsed.per_caption, parsed.seed, parsed.temperature, parsed.workers)
    if not parsed.endpoint:
        return Rewriter(judge, settings)
    endpoint = Endpoint(parsed.endpoint, parsed.model, token_for(parsed.endpoint, parsed.token_env), parsed.timeout, parsed.tries)
    return Rewriter(judge, settings, Chat(endpoint), Answers(parsed.cache or default_workspace() / "captions.sqlite"))


def _embed(name_or_path: str | None) -> Embed | None:
    """Texts to unit vectors by a CLVAP model; None without one."""
    if not name_or_path:
        return None
    import numpy as np

    from clvap import Embedder

    embedder = Embedder.from_pretrained(name_or_path)
    return lambda texts: np.stack([embedder.embed_query(text=text) for text in texts])


def _said(parsed: argparse.Namespace, sounds: int, report: Report, paid: float | None) -> str:
    made = sum(map(len, report.captions.values()))
    if parsed.json:
        return _json(
            out=str(parsed.out), sounds=sounds, captions=made, templates=report.templates, requests=report.requests, kept=report.kept,
            retries=report.retries, rejected=dict(report.rejected), tokens_in=report.tokens_in, tokens_out=report.tokens_out, price=paid,
        )  # fmt: skip
    lines = [f"{parsed.out}: {sounds} sounds, {made} new captions, {report.templates} of them by synonyms and templates"]
    if parsed.endpoint:
        price = "" if paid is None else f", {paid:.2f} to pay"
        lines.append(f"{report.requests} requests, {report.kept} answers kept from before, {report.retries} tries repeated, "
                     f"{report.tokens_in} tokens in and {report.tokens_out} out{price}")  # fmt: skip
        refused = ", ".join(f"{count} {reason}" for reason, count in report.rejected.most_common())
        lines.append(f"refused: {refused or 'none'}")
    return "\n".join(lines)


def _json(**said: object) -> str:
    return json.dumps(said, ensure_ascii=False)
