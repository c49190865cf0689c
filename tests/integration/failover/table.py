# What a client sees of each failure and what it costs, without and with a fallback, as a table for
# documents, from real runs:
#   python3 -m tests.integration.failover.table
# A cell: what the client saw, then how often was tried and how often the request reached an
# upstream. The relay has its defaults, but for the timers that are to be waited for and the pauses.
from tests.integration.failover.failures import FAILURES
from tests.integration.failover.policy import Request
from tests.integration.failover.scenes import ATTEMPTS, Scene, Scenes


def saw(scene: Scene) -> str:
    seen = scene.seen
    if not seen.whole:
        return f"{seen.status}, cut visibly"
    if seen.status == 200:
        return "200"
    return f"{seen.status}, the vendor's own" if seen.vendors else f"{seen.status} `{seen.stage}`"


def cost(scene: Scene) -> str:
    def all_of(numbers):
        return "+".join(str(number) for number in numbers)
    seen = scene.seen
    return f"{all_of(seen.tries)} / {all_of(seen.calls)}"


def rows(scenes: Scenes) -> list[tuple[str, list[Scene]]]:
    made = []
    for failure in FAILURES.values():
        row = []
        for method in ("POST", "GET"):
            row.append(scenes.alone(failure, Request(method)))
            row.append(scenes.in_turn([failure], Request(method, pool=True)))
        made.append((failure.told, row))
        if failure.refuses_key:
            made.append((f"{failure.told} to the only key of a pool", [
                scenes.alone(failure, Request("POST", pool=True)), row[1],
                scenes.alone(failure, Request("GET", pool=True)), row[3]]))
    return made


def main() -> None:
    with Scenes() as scenes:
        table = rows(scenes)
        scenes.run()
        columns = [f"{method}{place}, {what}" for method in ("POST", "GET")
                   for place in ("", " with a fallback") for what in ("seen", "tries / calls")]
        print(f"`attempts` is {ATTEMPTS}; tries and calls with a fallback: of the upstream that "
              "fails + of the other.\n")
        print("| the upstream's failure | " + " | ".join(columns) + " |")
        print("| --- " * (1 + len(columns)) + "|")
        for told, row in table:
            cells = [cell for scene in row for cell in (saw(scene), cost(scene))]
            print(f"| {told} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
