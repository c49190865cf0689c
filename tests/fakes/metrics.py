# Reads what /metrics of the relay says (Prometheus' text exposition format), as far as
# tests ask it.
import re


class Metrics:
    """Prometheus' text form: `samples` is a list of (name, labels, value)."""

    LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
    LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text: str):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if line.startswith("#") or not (match := self.LINE.match(line)):
                continue
            labels = {name: value.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
                      for name, value in self.LABEL.findall(match[2] or "")}
            self.samples.append((match[1], labels, float(match[3])))

    def all(self, name: str, **labels) -> list[tuple[dict, float]]:
        return [(found, value) for n, found, value in self.samples
                if n == name and all(found.get(k) == v for k, v in labels.items())]

    def sum(self, name: str, **labels) -> float:
        """The sum over the samples that have these labels; 0 where there is none."""
        return sum(value for _, value in self.all(name, **labels))
