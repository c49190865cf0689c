# Where recoveries of streams are known to go wrong, each a test by its name: how an answer's end is
# judged, what passes, what the client gets twice, not at all, or without noticing that it is short.
# What goes up for it is in pitfalls_up_test.py.
import json
import os
import unittest

from tests.fakes.raw_client import RawClient, exchange
from tests.integration.life import asking
from tests.integration.streams.scripted_gemini import (QUICK, STOP, Refused, Said, Scripted, call,
                                                        data, error, event, thought)

FINAL = ("MAX_TOKENS", "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
         "LANGUAGE", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "A_WORD_OF_TOMORROW")
HALF = event("The first half of it,")
REST = event(" and the rest.", finish=STOP)
ALL = "The first half of it, and the rest."


class Ends(Scripted):
    def test_the_end_is_judged_before_it_is_sent(self):
        """An end that turns out to be none was sent already: the client hangs up, or sees two."""
        empty = event(finish=STOP)
        for number, bad in enumerate((empty, event("", finish=STOP), event(finish="OTHER"),
                                      event(finish="MALFORMED_FUNCTION_CALL"),
                                      event(thought("hm"), finish=STOP))):
            with self.subTest(bad=bad):
                answer = self.ask(self.relay(), f"{number}", Said(bad), Said(event(ALL) + REST))
                self.assert_whole(answer, ALL + " and the rest.")
                self.assertEqual(len(self.calls(f"{number}")), 2)

    def test_an_end_in_the_middle_of_thoughts_is_none(self):
        """The end stands on a thought, and the client hangs up before there is an answer."""
        answer = self.ask(self.relay(), "a", Said(event(thought("let me see"), finish=STOP)),
                          Said(event(thought("let me see")) + event(ALL, finish=STOP)))
        self.assertLessEqual(self.assert_whole(answer, ALL).thoughts.count("let me see"), 1)

    def test_there_is_one_end_and_nothing_behind_it(self):
        """A model that says more behind its end gives the client two answers in one."""
        more = event(" Or was there?", finish=STOP) + event(" No.")
        self.assert_whole(self.ask(self.relay(), "a", Said(HALF + REST + more)), ALL)
        self.assertEqual(len(self.calls("a")), 1)

    def test_an_end_does_not_wait_for_the_end_of_the_connection(self):
        """The end was sent, the connection broke behind it, and all of it is bought again."""
        relay = self.relay()
        for end in ("rst", "bad_chunk", "stall", "fin"):
            with self.subTest(end=end):
                self.assert_whole(self.ask(relay, end, Said(HALF + REST, end)), ALL)
                self.assertEqual(len(self.calls(end)), 1)

    def test_the_text_of_a_stumble_is_not_lost(self):
        """An end of a wrong kind makes its whole event vanish, with the text in it."""
        for finish in ("OTHER", "MALFORMED_FUNCTION_CALL", *FINAL):
            with self.subTest(finish=finish):
                events = HALF + event(" and the rest.", finish=finish)
                answer = self.ask(self.relay(), finish, Said(events))
                self.assert_passed(answer, events, finish)

    def test_an_answer_that_ends_without_a_full_stop_is_whole(self):
        """A complete answer without the expected last sign is withheld and ends in an error."""
        relay = self.relay()
        for number, end in enumerate(("no sign at all", "a list]", "a comma,", "```", "[done]",
                                      "blanks  ", "x\n\n", "[RESPONSE_FINISHED]", "1", "…")):
            events = event("It ends in ") + event(end, finish=STOP)
            self.assert_passed(self.ask(relay, f"{number}", Said(events)), events, f"{number}")

    def test_signs_at_an_end_that_was_cut_off_make_no_whole_answer(self):
        """Full stops at the end of lost attempts, and the answer is taken for whole."""
        relay = self.relay(gemini_resume=QUICK | {"attempts": 4})
        cut = Said(event("A sentence. "), "fin")
        answer = self.ask(relay, "a", *[cut] * 4)
        self.assert_short(answer)

    def test_many_bytes_are_not_many_tokens(self):
        """Text of many bytes is taken for more tokens than were asked for, and ends quietly."""
        text = "狐狸🦊" * 50
        body = {"generationConfig": {"maxOutputTokens": 100}}
        events = event(text) + event("！", finish=STOP)
        self.assert_passed(self.ask(self.relay(), "a", Said(events), body=body), events, "a")
        answer = self.ask(self.relay(), "b", Said(event(text), "fin"),
                          Said(event("！", finish=STOP)), body=body)
        self.assert_whole(answer, text + "！")


class Refusals(Scripted):
    def test_safety_is_final(self):
        """An answer that was blocked is asked for again and again, against the vendor's rules."""
        relay = self.relay()
        for finish in FINAL:
            with self.subTest(finish=finish):
                events = event(finish=finish)
                self.assert_passed(self.ask(relay, finish, Said(events)), events, finish)

    def test_a_blocked_prompt_is_final(self):
        """A blocked prompt looks like a stream without an end, and is tried five times."""
        relay = self.relay()
        for end in ("whole", "fin", "rst"):
            blocked = data({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                            "usageMetadata": {"promptTokenCount": 4}})
            answer = self.ask(relay, end, Said(blocked, end))
            self.assert_passed(answer, blocked, end)

    def test_safety_behind_a_cut_is_final_too(self):
        """… and on a continuation it is taken for one more accident."""
        answer = self.ask(self.relay(), "a", Said(HALF, "fin"), Said(event(finish="SAFETY")))
        self.assert_whole(answer, "The first half of it,", "SAFETY")
        self.assertEqual(len(self.calls("a")), 2)

    def test_words_of_the_protocol_in_a_text_are_text(self):
        """A text that tells of blockReason, or of a marker, sets a recovery off or ends it."""
        text = ('{"promptFeedback": {"blockReason": "SAFETY"}} "finishReason": "STOP" '
                'data: [DONE]\n\nevent: error\n\n{"error": {"code": 503}} [done] ')
        events = event(text) + event("finishReason, blockReason.", finish=STOP)
        self.assert_passed(self.ask(self.relay(), "a", Said(events)), events, "a")
        answer = self.ask(self.relay(), "b", Said(event(text), "rst"), Said(REST))
        self.assert_whole(answer, text + " and the rest.")
        self.assertIn(text, self.calls("b")[1].said)

    def test_an_error_inside_a_200_is_an_error(self):
        """A stream with an error in it is forwarded as an answer, and that is all there is."""
        for number, (code, status) in enumerate(((503, "UNAVAILABLE"), (500, "INTERNAL"),
                                                 (429, "RESOURCE_EXHAUSTED"))):
            with self.subTest(code=code):
                bad = error(code, status)
                name = f"{number}"
                self.assert_whole(self.ask(self.relay(), name, Said(bad), Said(HALF + REST)), ALL)
                self.assert_whole(self.ask(self.relay(), name + "cut", Said(HALF + bad),
                                           Said(REST)), ALL)

    def test_an_error_that_stays_is_told_once_in_the_vendors_words(self):
        """A refusal inside a stream is tried again, or its words are replaced."""
        answer = self.ask(self.relay(), "a", Said(HALF + error(400, "INVALID_ARGUMENT")))
        seen = self.assert_short(answer)
        self.assertEqual(seen.errors[0]["message"], "words of the vendor's own")
        self.assertEqual(len(self.calls("a")), 1)

    def test_a_200_without_a_body_is_no_answer(self):
        """Nothing at all is a success."""
        for end in ("whole", "fin", "rst"):
            answer = self.ask(self.relay(), end, Said(b"", end), Said(HALF + REST))
            self.assert_whole(answer, ALL)


class Passing(Scripted):
    def test_every_part_of_an_event_counts(self):
        """Only the first part is read: the rest is missing from the context and comes twice."""
        first = event("One. ", thought("hm"), "Two. ", "Three, ")
        answer = self.ask(self.relay(), "a", Said(first, "fin"),
                          Said(event("and ", "four.", finish=STOP)))
        seen = self.assert_whole(answer, "One. Two. Three, and four.")
        self.assertEqual((seen.thoughts, self.calls("a")[1].said), ("hm", "One. Two. Three, "))

    def test_large_events_pass_and_are_gone_on_behind(self):
        """An event above some buffer's size is skipped, cut short, or taken for a cut."""
        for size in (100_000, 200_000, 1_000_000):
            with self.subTest(size=size):
                large = "".join(f"{n:07} " for n in range(size // 8))
                text = event(large[:-8]) + event("It ends.", finish=STOP)
                relay, name = self.relay(), f"{size}"
                self.assert_passed(self.ask(relay, name, Said(text)), text, name)
                answer = self.ask(relay, name + "cut", Said(event(large), "fin"), Said(REST))
                self.assert_whole(answer, large + " and the rest.")
                self.assertEqual(self.calls(name + "cut")[1].said, large)

    def test_media_of_a_megabyte_passes(self):
        """… and so is one that is no text."""
        image = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0K" * 125_000}}
        events = HALF + event(image) + event("There.", finish=STOP)
        self.assert_passed(self.ask(self.relay(), "a", Said(events)), events, "a")

    def test_events_of_every_legal_form_pass_as_they_are(self):
        """Lines are read instead of events: what has two lines falls apart, what has no blank
        behind the colon is not seen, and half an event at the end is sent on."""
        two = (b'data: {"candidates": [{"index": 0,\ndata: "content": {"parts": '
               b'[{"text": "Two lines. "}]}}]}\n\n')
        bare = b'data:{"candidates":[{"content":{"parts":[{"text":"No blank."}]}}]}\n\n'
        old = b": a comment\r\rid: 7\revent: message\rretry: 10\r" + bare.replace(b"\n", b"\r")
        end = event("The end.", finish=STOP)
        events = b"\xef\xbb\xbf" + two + bare + old + end
        self.assert_passed(self.ask(self.relay(), "a", Said(events)), events, "a")
        answer = self.ask(self.relay(), "b", Said(two + end[:-30], "fin"), Said(end))
        self.assertEqual(answer.body, two + end)
        self.assertEqual(self.calls("b")[1].said, "Two lines. ")

    def test_several_candidates_pass_untouched(self):
        """The second candidate is not looked at: it is lost, or mixed into the first."""
        both = data({"candidates": [{"content": {"parts": [{"text": word}]}, "index": n}
                                    for n, word in enumerate(("Yes", "No"))]})
        ends = data({"candidates": [{"finishReason": STOP, "index": n} for n in range(2)]})
        body = {"generationConfig": {"candidateCount": 2}}
        relay = self.relay()
        self.assert_passed(self.ask(relay, "a", Said(both + ends), body=body), both + ends, "a")
        apart = (event("Yes") + event("No").replace(b'"index": 0', b'"index": 1')
                 + event("!", finish=STOP)
                 + event("!", finish=STOP).replace(b'"index": 0', b'"index": 1'))
        self.assert_passed(self.ask(relay, "b", Said(apart), body=body), apart, "b")
        answer = self.ask(relay, "c", Said(both, "fin"), body=body)
        self.assertEqual((answer.complete, len(self.calls("c"))), (False, 1))

    def test_no_stream_of_events_no_recovery(self):
        """An answer that is one JSON array is taken for broken events."""
        relay = self.relay()
        array = json.dumps([{"candidates": [{"content": {"parts": [{"text": "a"}]},
                                             "finishReason": STOP}]}], indent=2)
        self.model.tell("a", Refused(200, body=json.loads(array)))
        path = asking.GEMINI.partition("?")[0]
        answer = exchange(relay.http, asking.post(path, asking.gemini() | {"plan": {"id": "a"}}))
        self.assertEqual((answer.status, json.loads(answer.body)), (200, json.loads(array)))

    def test_a_refused_first_call_is_the_vendors_answer(self):
        """The vendor's own error becomes one of the relay's, or a stream."""
        body = {"error": {"code": 400, "message": "as it is", "status": "INVALID_ARGUMENT",
                          "details": [{"@type": "x"}]}}
        answer = self.ask(self.relay(), "a", Refused(400, body=body))
        self.assertEqual((answer.status, json.loads(answer.body)), (400, body))
        self.assertEqual(len(self.calls("a")), 1)


class Tools(Scripted):
    def test_a_call_of_a_tool_alone_is_a_whole_answer(self):
        """An answer without text is asked for until nobody wants it any more."""
        relay = self.relay()
        for number, events in enumerate((event(call(), finish=STOP),
                                         event(call()) + event(finish=STOP),
                                         event(thought("hm")) + event(call(), call("other"))
                                         + event("", finish=STOP))):
            self.assert_passed(self.ask(relay, f"{number}", Said(events)), events, f"{number}")

    def test_behind_a_call_of_a_tool_nothing_is_continued(self):
        """The tool was called, and then the model is asked to continue its text: it calls again."""
        relay = self.relay()
        for number, events in enumerate((event(call()), HALF + event(call()),
                                         event(call()) + event("I called it."),
                                         event("I call:", call()))):
            for end in ("fin", "rst", "error"):
                with self.subTest(number=number, end=end):
                    name = f"{number}{end}"
                    answer = self.ask(relay, name, Said(events, end))
                    self.assertEqual(self.assert_short(answer).calls, 1)
                    self.assertEqual(len(self.calls(name)), 1)
        self.assertEqual(relay.wait_for_log(count=12)[0]["gave_up"], "fixed")


class Twice(Scripted):
    def test_thoughts_come_once_and_are_no_part_of_the_models_turn(self):
        """Thoughts are glued into the model's turn, and come again with each attempt."""
        first = event(thought("I weigh it.")) + HALF
        answer = self.ask(self.relay(), "a", Said(first, "fin"),
                          Said(event(thought("I weigh it anew."), " and") +
                               event(thought("more")) + event(" the rest.", finish=STOP)))
        self.assertEqual(self.assert_whole(answer, ALL).thoughts, "I weigh it.")
        turns = self.calls("a")[1].turns
        self.assertEqual(turns[1], {"role": "model", "parts": [{"text": "The first half of it,"}]})

    def test_thoughts_alone_are_no_answer_to_go_on_with(self):
        """Nothing but thoughts came, and they become the beginning of the answer."""
        answer = self.ask(self.relay(), "a", Said(event(thought("I weigh it.")), "fin"),
                          Said(event(thought("I weigh it anew.")) + HALF + REST))
        self.assertEqual(self.assert_whole(answer, ALL).thoughts, "I weigh it.")
        first, second = self.calls("a")
        self.assertEqual(first.raw, second.raw)

    def test_what_is_said_again_at_the_seam_comes_once(self):
        """The model repeats its last words, or opens its fence anew, and both are shown."""
        for number, (begin, again, whole) in enumerate((
                ("The quick brown fox", "quick brown fox jumps", "The quick brown fox jumps"),
                ("狐狸跳过了懒狗它睡着了", "跳过了懒狗它睡着了，醒来", "狐狸跳过了懒狗它睡着了，醒来"),
                ("```python\nprint(1)\n", "```python\nprint(2)\n```",
                 "```python\nprint(1)\nprint(2)\n```"),
                ("It is red, and so on", "…and so on, and on", "It is red, and so on, and on"),
                ("One two three", "One two three four", "One two three four"))):
            with self.subTest(begin=begin):
                answer = self.ask(self.relay(), f"{number}", Said(event(begin), "fin"),
                                  Said(event(again[:5]) + event(again[5:], finish=STOP)))
                self.assert_whole(answer, whole)

    def test_an_end_with_nothing_new_is_still_a_turn(self):
        """All of the last event was said before, and what is left of it is a turn without parts,
        for which the vendor's SDK throws the whole answer out of its history."""
        said = "from its first word to its last."
        answer = self.ask(self.relay(), "a", Said(event(said), "fin"),
                          Said(event(said[10:], finish=STOP)))
        self.assert_whole(answer, said)
        for line in asking.data_lines(answer.body):
            self.assertTrue(json.loads(line)["candidates"][0]["content"]["parts"], line)

    def test_blanks_and_brackets_at_the_seam_stay(self):
        """Text is trimmed on its way: blanks at the seam are lost, and a last bracket."""
        for number, (one, two) in enumerate((("one ", "two"), ("one", " two"), ("one ", " two"),
                                             ("one\n", "\ntwo"), ("\n\n  one", "two "),
                                             ("list[", "0]"), ("[don", "e]"), ("a ", "]"))):
            with self.subTest(one=one, two=two):
                answer = self.ask(self.relay(), f"{number}", Said(event(one), "fin"),
                                  Said(event(two, finish=STOP)))
                self.assert_whole(answer, one + two)

    def test_a_short_word_said_twice_is_no_overlap(self):
        """Whatever is equal at the seam is removed, also where the text has it twice."""
        answer = self.ask(self.relay(), "a", Said(event("no, no, "), "fin"),
                          Said(event("no, no!", finish=STOP)))
        self.assert_whole(answer, "no, no, no, no!")

    def test_usage_is_the_sum_of_all_that_was_bought(self):
        """The last attempt's usage is told as all of it."""
        def used(said, thoughts):
            return {"promptTokenCount": 10, "candidatesTokenCount": said,
                    "thoughtsTokenCount": thoughts, "totalTokenCount": 10 + said + thoughts,
                    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}]}
        relay = self.relay()
        answer = self.ask(relay, "a", Said(event("The first half of it,", usage=used(5, 3)), "fin"),
                          Said(event(" and the rest.", finish=STOP, usage=used(4, 2))))
        usage = self.assert_whole(answer, ALL).usage
        self.assertEqual([usage[name] for name in (
            "promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount")],
            [20, 9, 5, 34])
        line = relay.wait_for_log(count=1)[0]
        self.assertEqual((line["tokens_in"], line["tokens_out"]), (20, 14))


class Left(Scripted):
    """A client that leaves counts as an accident, and five more calls are made and paid for."""

    def test_in_the_middle_of_the_stream(self):
        relay = self.relay()
        for way in ("close", "reset", "finish_sending"):
            with self.subTest(way=way):
                self.model.tell(way, Said(HALF, "stall"))
                body = asking.gemini() | {"plan": {"id": way}}
                before = len(relay.wait_for_log(count=0))
                with RawClient(relay.http) as client:
                    client.send(asking.post(asking.GEMINI, body)).read_head()
                    client.read_chunk()
                    getattr(client, way)()
                    line = relay.wait_for_log(count=before + 1)[before]
                self.assertEqual((line["outcome"], line["attempts"]), ("aborted", 1))
                self.assertNotIn("gave_up", line)
        # Whoever comes next is served at once, and nothing was asked in between.
        self.assert_whole(self.ask(relay, "next", Said(HALF + REST)), ALL)
        self.assertEqual(len(self.model.connections), 4)
        self.assertEqual([link.ended is not None for link in self.model.connections[:3]],
                         [True] * 3)
        self.assertEqual(relay.metrics().sum("culvert_stream_resume_attempts_total"), 0)

    def test_in_the_middle_of_a_continuation(self):
        relay = self.relay()
        self.model.tell("a", Said(HALF, "fin"), Said(event(" and then, a little more"), "stall"))
        with RawClient(relay.http) as client:
            client.send(asking.post(asking.GEMINI, asking.gemini() | {"plan": {"id": "a"}}))
            client.read_head()
            client.read_chunk()
            client.read_chunk()
        line = relay.wait_for_log(count=1)[0]
        self.assertEqual((line["outcome"], line["attempts"]), ("aborted", 2))
        self.assert_whole(self.ask(relay, "next", Said(HALF + REST)), ALL)
        self.assertEqual((len(self.calls("a")), len(self.model.connections)), (2, 3))


class Leaks(Scripted):
    def test_many_cuts_leave_no_descriptor_behind(self):
        """Each break leaves a connection, and the process runs out of them."""
        relay = self.relay(env={"CULVERT_WORKERS": "1"})
        counts = []
        for series in range(3):
            for number in range(20):
                for end in ("fin", "rst", "bad_chunk"):
                    answer = self.ask(relay, f"{series}-{number}-{end}", Said(HALF, end),
                                      Said(REST, end))
                    self.assert_whole(answer, ALL)
            relay.wait_for_metric(lambda m: m.sum("culvert_client_connections") <= 1)
            counts.append(len(os.listdir(f"/proc/{relay.process.pid}/fd")))
        # Pooled connections come and go; a leak at one kind of end would add 20 in each series.
        self.assertLess(counts[2] - counts[0], 20, counts)


if __name__ == "__main__":
    unittest.main()
