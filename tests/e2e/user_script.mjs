// A script as a user of the OpenAI SDK would write it, for showing what a relay does: a chat, a
// stream, a stream that is left in the middle. Only the base URL (OPENAI_BASE_URL, such as
// https://relay.example/openai/v1) and the key (OPENAI_API_KEY, the relay's token) differ from a
// script that talks to the vendor itself. NODE_EXTRA_CA_CERTS names an authority of your own.
import OpenAI from 'openai';

const model = process.env.MODEL ?? 'gpt-6-sol';
const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY from the environment
const ask = (text) => ({ model, messages: [{ role: 'user', content: text }] });

console.log(`Talking to ${client.baseURL}\n`);

console.log('1. A chat');
const answer = await client.chat.completions.create(ask('Why do bridges have names?'));
console.log(`   ${answer.choices[0].message.content.replaceAll('\n', ' ')}`);
const { prompt_tokens: asked, completion_tokens: said } = answer.usage;
console.log(`   [${asked} tokens in, ${said} out, request ${answer._request_id}]\n`);

console.log('2. A stream');
process.stdout.write('   ');
let usage;
const stream = await client.chat.completions.create({
  ...ask('Tell me of a river.'),
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  process.stdout.write((chunk.choices[0]?.delta?.content ?? '').replaceAll('\n', ' '));
  usage = chunk.usage ?? usage;
}
console.log(`\n   [${usage.completion_tokens} tokens, the stream ended as it should]\n`);

console.log('3. A stream that is left in the middle');
process.stdout.write('   ');
const leave = new AbortController();
let pieces = 0;
try {
  const long = await client.chat.completions.create(
    { ...ask('Tell me everything.'), stream: true },
    { signal: leave.signal },
  );
  for await (const chunk of long) {
    process.stdout.write((chunk.choices[0]?.delta?.content ?? '').replaceAll('\n', ' '));
    if (++pieces === 5) leave.abort();
  }
} catch (error) {
  if (!(error instanceof OpenAI.APIUserAbortError)) throw error;
}
console.log(
  `\n   [left after ${pieces} pieces; whatever the model would have said is not waited for]`,
);
