"""``python -m dashboards``: writes what the chart takes."""

from pathlib import Path

from dashboards import alerts, grafana, rules, service_levels
from dashboards.pages import PAGES

CHART = Path(__file__).resolve().parents[1] / "charts" / "causerie"


def files() -> dict[Path, str]:
    """Every file below the chart that is made here, and its text."""
    made = {Path("dashboards", f"{page.name}.json"): grafana.render(page) for page in PAGES}
    made[Path("rules", "levels.yaml")] = rules.render([*service_levels.groups()])
    made[Path("rules", "alerts.yaml")] = rules.render(alerts.GROUPS)
    return made


if __name__ == "__main__":
    for name, text in files().items():
        (CHART / name).parent.mkdir(parents=True, exist_ok=True)
        (CHART / name).write_text(text)
