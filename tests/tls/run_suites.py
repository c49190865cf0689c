# run_suites.py [-v] [--any] PROGRAM…: runs suites of mbedTLS and judges them. -v names the cases
# that our configuration leaves out; with --any it may leave out all of a suite.
import pathlib
import sys

from tests.tls import outcomes

options = {word for word in sys.argv[1:] if word.startswith("-")}
judged = []
for word in sys.argv[1:]:
    if word not in options:
        program = pathlib.Path(word).resolve()
        judged.append(outcomes.judge(program.name, *outcomes.run([program]), options))
sys.exit(0 if judged and all(judged) else 1)
