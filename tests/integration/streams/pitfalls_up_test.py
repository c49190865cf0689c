# Where recoveries of streams are known to go wrong, each a test by its name: what goes up for a
# continuation, how often, with which key, and what is written down of it. What the client gets is
# in pitfalls_test.py.
import json
import os
import tempfile
import unittest

from tests.fakes.raw_client import RawClient, Response
from tests.fakes.relay import run_once
from tests.integration.life import asking, settings
from tests.integration.streams.pitfalls_test import ALL, HALF, REST
from tests.integration.streams.scripted_gemini import (QUICK, Refused, Said, Scripted,
                                                       ScriptedGemini, call, data, event,
                                                       thought)

SAID = "The first half of it,"
KEYS = ("gemini-pool-key-a-0123456789", "gemini-pool-key-b-0123456789")
BY_TOKEN = f"X-Culvert-Token: {settings.TOKEN}\r\n"
PROMPT_BYTES = 1000  # of what a continuation adds beside the text itself

# As nobody's library would write it: order, blanks, numbers, escapes, unknown members.
BODY = b""" {"plan" :{"id":"%s"} , "cachedContent":null,"generationConfig" : {"temperature":1.50e0,
  "stopSequences":[ ]}, "tools":[{"functionDeclarations":[{"name":"look_up"}]}],
  "systemInstruction": {"parts":[{"text":"Be caf\\u00e9 \\/ brief"}]},
  "contents":[ {"role":"user","parts":[{"text":"find 1.0 & \\ud83e\\udd8a"}]},
   {"parts":[{"thoughtSignature":"c2ln","functionCall":{"args":{"q":1.0},"name":"look_up"}}],
    "role":"model"},
   {"role":"function", "parts":[{"functionResponse":{"name":"look_up",
    "response":{"n": 10000000000000000001}}}]},
   {"role":"model","parts":[{"text":"An earlier answer. "}]} ,
   {"role":"user","parts":[{"text":"go on"}]}  ] , "own":[1,  2]}
"""


class Continuations(Scripted):
    def pair(self, name: str = "a", cut: bytes = HALF, rest: bytes = REST, **more) -> tuple:
        """The two calls of a stream that was cut once."""
        relay = self.relay(**more)
        answer = self.ask(relay, name, Said(cut, "fin"), Said(rest), body=BODY % name.encode())
        self.assertEqual(answer.ended, "complete", answer)
        return self.calls(name)

    def test_the_first_call_is_the_clients_own(self):
        """Prompts are added to every call, a body is written anew, and caches miss."""
        events = HALF + REST
        self.assert_passed(self.ask(self.relay(), "a", Said(events), body=BODY % b"a"), events, "a")
        self.assertEqual(self.calls("a")[0].raw, BODY % b"a")

    def test_a_continuation_stands_behind_all_that_was_there(self):
        """It is put behind the last turn of a user, which is before a tool's call and its result;
        and turns of the past are written anew."""
        first, second = self.pair()
        self.assertEqual(first.raw, BODY % b"a")
        at = first.raw.index(b'"go on"}]}') + len(b'"go on"}]}')
        tail = first.raw[at:]
        self.assertTrue(second.raw.startswith(first.raw[:at]), second.raw)
        self.assertTrue(second.raw.endswith(tail.lstrip()), second.raw)
        self.assertEqual(second.turns[:5], first.turns)
        model, user = second.turns[5:]
        self.assertEqual(model, {"role": "model", "parts": [{"text": SAID}]})
        self.assertEqual((user["role"], len(user["parts"])), ("user", 1))
        rest = {name: value for name, value in second.body.items() if name != "contents"}
        self.assertEqual(rest, {n: v for n, v in first.body.items() if n != "contents"})

    def test_a_continuation_adds_little(self):
        """Orders, examples and markers of thousands of tokens go up with each call."""
        first, second = self.pair()
        self.assertLess(len(second.raw) - len(first.raw) - len(SAID), PROMPT_BYTES)
        for marker in (b"[done]", b"DONE", b"FINISH", b"["  b"RESPONSE"):
            self.assertNotIn(marker, second.raw)

    def test_the_heads_are_alike(self):
        """A continuation comes with other fields, and the vendor takes it for another client."""
        first, second = self.pair()
        self.assertEqual(first.path, second.path)
        for one in (first, second):
            one.fields.pop("content-length")
        self.assertEqual(first.fields, second.fields)

    def test_no_turn_of_the_model_is_empty(self):
        """Nothing was said yet, and the model is shown an empty turn of its own."""
        for number, nothing in enumerate((b"", event(), event(""), event("", ""),
                                          event(thought("hm")), event({"thoughtSignature": "c2ln",
                                                                       "text": ""}))):
            for end in ("fin", "rst"):
                with self.subTest(nothing=nothing, end=end):
                    name = f"{number}{end}"
                    answer = self.ask(self.relay(), name, Said(nothing, end), Said(HALF + REST),
                                      body=BODY % name.encode())
                    self.assert_whole(answer, ALL)
                    self.assertEqual([one.raw for one in self.calls(name)],
                                     [BODY % name.encode()] * 2)

    def test_signatures_of_parts_go_up_with_them(self):
        """What the model signed comes back without its signature, and is refused."""
        first = event("One, ") + event({"text": "two, ", "thoughtSignature": "c2lnMg=="}, "three, ")
        _, second = self.pair(cut=first)
        self.assertEqual(second.turns[5]["parts"], [
            {"text": "One, "}, {"text": "two, ", "thoughtSignature": "c2lnMg=="},
            {"text": "three, "}])

    def test_a_long_answer_goes_up_whole(self):
        """Above some length only the end of the answer, or none of it, is shown to the model."""
        long = "".join(f"{n:06}, " for n in range(10_000))
        _, second = self.pair(cut=event(long[:40_000]) + event(long[40_000:]))
        self.assertEqual(second.turns[5]["parts"], [{"text": long}])

    def test_the_prompt_is_in_the_texts_language(self):
        """Japanese with many ideographs is taken for Chinese, German and Portuguese for French,
        and Arabic and Russian are asked in English."""
        prompts = {language: f"go on in {language}" for language in (
            "zh", "en", "ja", "ko", "es", "fr", "de", "pt", "ru", "ar")}
        texts = {
            "zh": "今天的天气非常好，我们去公园散步吧，",
            "ja": "東京特許許可局長は今日、急遽特許の許可を拒否すると発表し",
            "ko": "오늘은 날씨가 아주 좋아서 공원에",
            "de": "Für die Prüfung müssen wir über das Wetter und die Gefühle der Menschen",
            "pt": "A situação não é fácil, mas você também não está sozinho e isso é",
            "fr": "C'est une très belle journée et nous allons à la plage avec des amis qui",
            "es": "El niño está en el jardín con los perros y también con las gatas que",
            "ru": "Сегодня хорошая погода, и мы идём гулять в",
            "ar": "الطقس جميل اليوم ونحن ذاهبون إلى",
            "en": "The weather is good today and we are going to the"}
        relay = self.relay(gemini_resume=QUICK | {"prompts": prompts})
        for language, text in texts.items():
            with self.subTest(language=language):
                answer = self.ask(relay, language, Said(event(text), "fin"), Said(REST))
                self.assert_whole(answer, text + " and the rest.")
                prompt = self.calls(language)[1].turns[-1]["parts"][0]["text"]
                self.assertEqual(prompt, prompts[language])


class Attempts(Scripted):
    def bounded(self, name: str, count: int, *answers, **resume) -> Response:
        relay = self.relay(gemini_resume=QUICK | {"attempts": count} | resume)
        answer = self.ask(relay, name, *answers)
        self.assertEqual(len(self.calls(name)), count)
        self.assertEqual(relay.metrics().sum("culvert_stream_resume_attempts_total"), count - 1)
        return answer

    def test_their_number_is_that_of_the_settings(self):
        """A hundred attempts, or twice as many as told, as each failure counts as two or none."""
        for count in (1, 2, 4):
            text = [Said(event("x" * 200 + f" {n} "), "fin") for n in range(count)]
            self.assert_short(self.bounded(f"cut{count}", count, *text))
            silent = [Said(b"", "rst")] * count
            self.assert_short(self.bounded(f"silent{count}", count, *silent))
        refused = [Said(HALF, "fin"), *[Refused(503)] * 3]
        self.assert_short(self.bounded("refused", 4, *refused))
        silent = [Said(HALF, "fin"), *[Said(b"", "silent")] * 3]
        self.assert_short(self.bounded("nothing", 4, *silent))
        errors = [Said(HALF, "error")] + [Said(b"", "error")] * 3
        self.assert_short(self.bounded("errors", 4, *errors))

    def test_each_waits_for_its_turn(self):
        """The next attempt follows at once, into a service that is overloaded."""
        relay = self.relay(gemini_resume=QUICK | {"backoff": "20s", "backoff_most": "20s"})
        self.model.tell("a", Said(HALF, "fin"))
        with RawClient(relay.http) as client:
            client.send(asking.post(asking.GEMINI, asking.gemini() | {"plan": {"id": "a"}}))
            client.read_head()
            client.read_chunk()
            relay.wait_for_metric(lambda m: m.sum("culvert_stream_resume_attempts_total") == 1)
            # While it waits, others are served; nothing of it goes up.
            self.assert_whole(self.ask(relay, "b", Said(HALF + REST)), ALL)
            self.assertEqual(len(self.calls("a")), 1)
        self.assertEqual(relay.wait_for_log(lambda line: line["outcome"] == "aborted")[0][
            "attempts"], 1)

    def test_a_wait_that_the_vendor_asks_for_is_kept_or_ends_it(self):
        """Retry-After is not read."""
        relay = self.relay(gemini_resume=QUICK | {"within": "5s"})
        answer = self.ask(relay, "a", Said(HALF, "fin"), Refused(503, "Retry-After: 60\r\n"))
        self.assert_short(answer)
        self.assertEqual(relay.wait_for_log(count=1)[0]["gave_up"], "time")

    def test_a_key_of_the_caller_that_is_refused_is_not_tried_again(self):
        """Every 403 is tried again, with the same key."""
        for status in (400, 401, 403, 404):
            relay = self.relay()
            self.assert_short(self.ask(relay, f"{status}", Said(HALF, "fin"), Refused(status)))
            self.assertEqual(relay.wait_for_log(count=1)[0]["gave_up"], "refused")

    def test_no_progress_is_no_reason_to_go_on(self):
        """A model that says a word and breaks off is paid as often as anybody may."""
        words = [Said(event(word), "fin") for word in ("One. ", "Two. ", "Three. ", "Four. ")]
        relay = self.relay(gemini_resume=QUICK | {"attempts": 30})
        self.assertEqual(self.assert_short(self.ask(relay, "a", *words)).text,
                         "One. Two. Three. Four. ")
        self.assertEqual(relay.wait_for_log(count=1)[0]["gave_up"], "no_progress")

    def test_a_long_silence_within_the_timer_is_none_of_its_business(self):
        """Four seconds without a byte, as of a tool at work, and a second call is made."""
        relay = self.relay(gemini_resume=QUICK | {"attempts": 3})
        self.model.tell("a", Said(HALF, "stall"))
        with RawClient(relay.http) as client:
            client.send(asking.post(asking.GEMINI, asking.gemini() | {"plan": {"id": "a"}}))
            client.read_head()
            client.read_chunk()
            for number in range(20):  # much else happens meanwhile
                self.assert_whole(self.ask(relay, f"{number}", Said(HALF + REST)), ALL)
            self.assertEqual(len(self.calls("a")), 1)
            self.assertEqual(relay.metrics().sum("culvert_stream_resume_attempts_total"), 0)

    def test_tools_results_are_no_place_to_cut(self):
        """A stream of calls that breaks off is begun anew behind the tool's result."""
        answer = self.ask(self.relay(), "a", Said(event(call()), "rst"), body=BODY % b"a")
        self.assert_short(answer)
        self.assertEqual(len(self.calls("a")), 1)


class Keys(Scripted):
    def pooled(self, keys=KEYS, **more):
        return self.relay(settings.pool("gemini", keys), auth_tokens=[settings.TOKEN], **more)

    def keys(self, name: str) -> list[str]:
        return [one.key for one in self.calls(name)]

    def test_a_limited_key_gives_its_place_to_another(self):
        """429 ends the stream, though other keys are there."""
        for status in (429, 401, 403):
            with self.subTest(status=status):
                answer = self.ask(self.pooled(), f"{status}", Said(HALF, "fin"), Refused(status),
                                  Said(REST), key=None, fields=BY_TOKEN)
                self.assert_whole(answer, ALL)
                _, second, third = self.keys(f"{status}")
                self.assertEqual({second, third}, set(KEYS))

    def test_a_refused_key_is_replaced_once(self):
        """One refused key after the other is burnt."""
        for status in (401, 403):
            with self.subTest(status=status):
                relay = self.pooled([*KEYS, "gemini-pool-key-c-0123456789"])
                answer = self.ask(relay, f"{status}", Said(HALF, "fin"), Refused(status),
                                  Refused(status), key=None, fields=BY_TOKEN)
                self.assert_short(answer)
                self.assertEqual(len(set(self.keys(f"{status}")[1:])), 2)
                self.assertEqual(relay.wait_for_log(count=1)[0]["gave_up"], "refused")

    def test_a_fallback_that_refuses_is_left_again(self):
        """Fallbacks are for first calls only, or a continuation dies at the first that refuses."""
        other = self.enterContext(ScriptedGemini())
        relay = self.relay(
            settings.upstream("one", self.model.url, dialect="gemini", resume=QUICK),
            settings.upstream("next", other.url, dialect="gemini"),
            settings.pool("one", KEYS[:1]), settings.pool("next", KEYS[1:]),
            settings.route("r", "one", match={"path_prefix": "/r"},
                           fallback=[{"upstream": "next"}]), auth_tokens=[settings.TOKEN])
        other.tell("a", Refused(503))
        answer = self.ask(relay, "a", Said(HALF, "fin"), Said(REST), key=None, fields=BY_TOKEN,
                          path="/r/v1beta/models/m:streamGenerateContent?alt=sse")
        self.assert_whole(answer, ALL)
        self.assertEqual((len(self.calls("a")), len(other.of("a"))), (2, 1))

    def test_a_fallback_of_another_dialect_is_none(self):
        """What one vendor began is given to another, which cannot read it."""
        done = run_once("--check", "--config", self.written(
            settings.upstream("one", self.model.url, dialect="gemini"),
            settings.upstream("next", self.model.url, dialect="anthropic"),
            settings.route("r", "one", match={"path_prefix": "/r"},
                           fallback=[{"upstream": "next"}])))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("one dialect for all destinations of a route", done.stderr + done.stdout)

    def written(self, *documents: str) -> str:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = os.path.join(folder, "relay.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(settings.resources(*documents))
        return path

    def test_a_key_of_three_letters_is_a_key(self):
        """Cutting a short key down for the log ends the process."""
        relay = self.relay()
        answer = self.ask(relay, "a", Said(HALF, "fin"), Said(REST), key="abc")
        self.assert_whole(answer, ALL)
        self.assertEqual(self.keys("a"), ["abc"] * 2)

    def test_nothing_of_a_conversation_is_written_down(self):
        """The conversation and the keys stand in a log that nobody asked for."""
        relay = self.pooled(env={"DEBUG_MODE": "true"})
        body = asking.gemini("a secret question") | {"plan": {"id": "a"}}
        answer = self.ask(relay, "a", Said(HALF, "fin"), Refused(429), Said(REST), key=None,
                          fields=BY_TOKEN, body=body)
        self.assert_whole(answer, ALL)
        relay.wait_for_message("a stream is taken up again")
        relay.wait_for_message("a request is tried again", next="key")
        relay.wait_for_log(count=1)
        written = json.dumps([relay.log, relay.access_log], default=list)
        for secret in ("secret question", "first half", "and the rest", *KEYS):
            self.assertNotIn(secret, written)


class Told(Scripted):
    """The feature hides: nobody learns how often, or why there was no further attempt."""

    CUT = Said(event("x" * 200), "fin")
    BOTH = data({"candidates": [{"content": {"parts": [{"text": word}]}, "index": n}
                                for n, word in enumerate(("Yes", "No"))]})
    JSON = {"generationConfig": {"responseMimeType": "application/json"}}
    TWO = {"generationConfig": {"candidateCount": 2}}
    REASONS = {
        "attempts": ([CUT] * 5, None),
        "time": ([CUT, Refused(503, "Retry-After: 60\r\n")], None),
        "no_progress": ([Said(event(f"Word {n}. "), "fin") for n in range(4)], None),
        "refused": ([CUT, Refused(400)], None),
        "fixed": ([Said(event(call()), "fin")], None),
        "not_continued": ([CUT], JSON),
        "never": ([CUT], TWO),
        "passing": ([Said(BOTH, "fin")], None),
        "several": ([CUT, Said(BOTH)], None),
        "too_long": ([Said(event("x" * (600 << 10)) * 2, "fin")], None)}

    def test_why_a_stream_was_given_up(self):
        relay = self.relay(gemini_resume=QUICK | {"within": "30s"})
        for number, (reason, (answers, body)) in enumerate(self.REASONS.items()):
            with self.subTest(reason=reason):
                answer = self.ask(relay, reason, *answers, body=body)
                self.assertFalse(answer.complete)
                self.assertEqual(len(self.calls(reason)), len(answers))
                line = relay.wait_for_log(count=number + 1)[number]
                self.assertEqual((line["gave_up"], line["outcome"], line["attempts"]),
                                 (reason, "truncated", len(answers)))
                self.assertTrue(line["last_cut"])
                self.assertEqual(relay.metrics().sum("culvert_stream_resume_gave_up_total",
                                                     upstream="gemini", reason=reason), 1)

    def test_an_end_that_nobody_knew_is_named(self):
        relay = self.relay()
        self.ask(relay, "a", Said(HALF + event(finish="A_WORD_OF_TOMORROW")))
        self.assertEqual(relay.wait_for_log(count=1)[0]["unknown_finish"], "A_WORD_OF_TOMORROW")


if __name__ == "__main__":
    unittest.main()
