// Streams as users of each vendor's SDK read them, for tests of streams that are cut and taken up
// again: each reader asks for one answer in one way of its SDK, and gives what the user has in the
// end. A way that ends without all of it has to throw the SDK's own error.
import Anthropic from '@anthropic-ai/sdk';
import { ApiError } from '@google/genai';
import OpenAI from 'openai';
import { chat, collect, content, message } from './places.mjs';

export const TEXT =
  'Above the café the façade is painted: “狐狸跳过了懒狗” 🦊. Below it, one reads a list [a, b] of ' +
  'dishes; the fox 🚀 has none of it. Ещё раз: all of this is one answer, from its first word to ' +
  'its last.';

export const errors = {
  openai: OpenAI.APIError,
  anthropic: Anthropic.APIError,
  gemini: ApiError,
};

export const thinking = { thinkingConfig: { includeThoughts: true } };

const answer = (text, ends, usage, more = {}) => ({ text, ends, usage, ...more });

export const spoken = (parts) =>
  parts
    .filter((p) => !p.thought)
    .map((p) => p.text ?? '')
    .join('');

function ofGemini(parts) {
  const all = parts.flatMap((p) => p.candidates?.[0]?.content?.parts ?? []);
  return answer(
    spoken(all),
    parts.map((p) => p.candidates?.[0]?.finishReason).filter(Boolean),
    parts.at(-1)?.usageMetadata,
    {
      thoughts: all
        .filter((p) => p.thought)
        .map((p) => p.text)
        .join(''),
    },
  );
}

const background = { model: 'gpt-5.5', input: 'ask', background: true, store: true };

// vendor → way → (place, more of the request) → what the user has.
export const readers = {
  gemini: {
    generateContentStream: async (place, config) =>
      ofGemini(
        await collect(
          await place.gemini().models.generateContentStream(content('ask', { config })),
        ),
      ),
    'a chat': async (place, config) => {
      const talk = place.gemini().chats.create({ model: 'gemini-3.8-flash', config });
      const parts = await collect(await talk.sendMessageStream({ message: 'ask' }));
      // It keeps each event as a turn, and nothing of an answer that it takes for broken.
      const kept = talk.getHistory().flatMap((t) => (t.role === 'model' ? t.parts : []));
      return { ...ofGemini(parts), kept: spoken(kept) };
    },
  },
  openai: {
    'chat.completions.create': async (place, more) => {
      const chunks = await collect(
        await place
          .openai()
          .chat.completions.create(
            chat('ask', { stream: true, stream_options: { include_usage: true }, ...more }),
          ),
      );
      const ids = new Set(chunks.map((c) => c.id));
      return answer(
        chunks.map((c) => c.choices[0]?.delta?.content ?? '').join(''),
        chunks.map((c) => c.choices[0]?.finish_reason).filter(Boolean),
        chunks.at(-1)?.usage,
        { ids: ids.size },
      );
    },
    'chat.completions.stream': async (place, more) => {
      const done = await place
        .openai()
        .chat.completions.stream(chat('ask', more))
        .finalChatCompletion();
      return answer(done.choices[0].message.content, [done.choices[0].finish_reason]);
    },
  },
  'openai responses': {
    'responses.create': async (place, more) => {
      const events = await collect(
        await place.openai().responses.create({ ...background, stream: true, ...more }),
      );
      const deltas = events.filter((e) => e.type === 'response.output_text.delta');
      return answer(
        deltas.map((e) => e.delta).join(''),
        events.filter((e) => e.type === 'response.completed').map(() => 'completed'),
        events.at(-1).response?.usage,
        { numbers: events.map((e) => e.sequence_number) },
      );
    },
    'responses.stream': async (place, more) => {
      const done = await place
        .openai()
        .responses.stream({ ...background, ...more })
        .finalResponse();
      return answer(done.output_text, [done.status], done.usage);
    },
  },
  anthropic: {
    'messages.create': async (place, more) => {
      const events = await collect(
        await place.anthropic().messages.create(message('ask', { stream: true, ...more })),
      );
      return answer(
        events
          .filter((e) => e.delta?.type === 'text_delta')
          .map((e) => e.delta.text)
          .join(''),
        events.map((e) => e.delta?.stop_reason).filter(Boolean),
        events.find((e) => e.type === 'message_delta')?.usage,
        { types: events.map((e) => e.type) },
      );
    },
    'messages.stream': async (place, more) => {
      const done = await place.anthropic().messages.stream(message('ask', more)).finalMessage();
      return answer(
        done.content.map((c) => c.text ?? '').join(''),
        [done.stop_reason],
        done.usage,
        { blocks: done.content.map((c) => c.type) },
      );
    },
  },
};

export const FINISH = {
  gemini: 'STOP',
  openai: 'stop',
  'openai responses': 'completed',
  anthropic: 'end_turn',
};

// Each way in which a stream breaks off behind its first pieces, as rules of the model server.
export const cuts = {
  FIN: { cut: { event: 9 } },
  RST: { cut: { event: 9, how: 'rst' } },
  'TLS without its end': { cut: { event: 9, how: 'no_notify' } },
  'an error event': { error_event: { after: 9, code: 503 } },
  'a stall': { stall: { event: 9 } },
  'a missing end': { no_end: true },
};

// As the model server counts.
export const tokens = (text) => Math.max(1, Math.floor((Buffer.byteLength(text) + 3) / 4));
