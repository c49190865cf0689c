# What a run of mbedTLS's tests says case by case, and whether it is right: a failure that
# known_failures.py does not explain is not, neither is one named there that passed, nor a suite of
# which our configuration leaves no case.
import os
import pathlib
import subprocess
import tempfile

from tests.tls import known_failures


def run(command: list, **more) -> tuple[list[list[str]], str]:
    """Rows of description, result (PASS, FAIL, SKIP) and cause, and what the command wrote."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "outcomes"
        path.touch()
        more["env"] = {**os.environ, **more.get("env", {}), "MBEDTLS_TEST_OUTCOME_FILE": str(path)}
        done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, **more)
        rows = [line.split(";", 5)[3:] for line in path.read_text("utf-8").splitlines()]
    if done.returncode < 0 or (done.returncode and not any(row[1] == "FAIL" for row in rows)):
        rows.append(["the end of the program", "FAIL", f"status {done.returncode}"])
    return rows, done.stdout + done.stderr


def judge(name: str, rows: list[list[str]], words: str, options: set[str]) -> bool:
    """Prints one line, more if something is wrong. -v: the cases left out; --any: may be all."""
    known = known_failures.of(name)
    failed = {row[0]: row[2] for row in rows if row[1] == "FAIL"}
    passed = [row[0] for row in rows if row[1] == "PASS"]
    skipped = [row for row in rows if row[1] == "SKIP"]
    wrong = [f"failed: {case}: {why}" for case, why in failed.items() if case not in known]
    wrong += [f"passed, but known_failures.py names it: {case}" for case in known & set(passed)]
    if not passed and "--any" not in options:
        wrong.append("our configuration leaves no case of it")
    print(f"{name}: {len(passed)} passed, {len(known & set(failed))} known to fail, "
          f"{len(skipped)} not ours, {len(wrong)} wrong", flush=True)
    for row in skipped if "-v" in options else ():
        print(f"  not ours: {row[0]}: {row[2]}")
    if wrong:
        print(*wrong, words[-6000:], sep="\n", flush=True)
    return not wrong
