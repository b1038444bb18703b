"""A rollout for people: what each step did to the connections, under the loss ledger of the messages."""

from soak.report import ledger_text, table
from soak.rollout.steps import Kind, Rollout

HEAD = ("step", "took s", "goodbyes", "mean/s", "busiest s", "moved", "away", "connections afterwards", "happened")


def rollout_text(name: str, rollout: Rollout) -> str:
    rows = [
        (
            step.name,
            f"{step.seconds:.1f}",
            " + ".join(str(len(drained.goodbyes)) for drained in step.drained) or "-",
            " + ".join(f"{drained.mean:.1f}" for drained in step.drained) or "-",
            " + ".join(f"{drained.busiest:.0f}" for drained in step.drained) or "-",
            str(step.moved),
            str(len(step.away)),
            " + ".join(map(str, step.held.values())),
            "yes" if step.proof else "NOT SHOWN",
        )
        for step in rollout.steps
    ]
    findings = rollout.findings
    return "\n".join(
        [
            *table([HEAD, tuple("---" for _ in HEAD), *rows]),
            "",
            ledger_text(name, rollout.ledger, rollout.struck),
            *(f"  {kind:<13} {sum(finding.kind is kind for finding in findings):9,}" for kind in Kind),
            *(f"    {finding.kind}: {finding.what}" for finding in findings),
            f"  ROLLOUT       {rollout.verdict}",
        ]
    )
