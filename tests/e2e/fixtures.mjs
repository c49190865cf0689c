// The processes an end-to-end test stands on: the model server and the relay, both with TLS,
// started by a test file, ended by their pid. Certificates come from run_e2e.py through the
// environment, because Node reads the authority (NODE_EXTRA_CA_CERTS) only at its own start.
// Nothing here sleeps: every wait is for a line or an answer.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

const repository = path.resolve(
  import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname),
  '../..',
);
const cert = process.env.CULVERT_E2E_CERT;
const key = process.env.CULVERT_E2E_KEY;
const authority = process.env.NODE_EXTRA_CA_CERTS;
const HANG_GUARD_MS = 60_000;

// The first of `lines` (present or to come) that `wanted` accepts.
class Lines {
  all = [];
  #waiting = new Set();
  #over = false;

  constructor(stream, keep = () => {}) {
    const reader = readline.createInterface({ input: stream });
    reader.on('line', (text) => {
      keep(text);
      let value;
      try {
        value = JSON.parse(text);
      } catch {
        return;
      }
      this.all.push(value);
      this.#tell();
    });
    reader.on('close', () => {
      this.#over = true;
      this.#tell();
    });
  }

  #tell() {
    for (const look of this.#waiting) look();
  }

  wait(wanted, count = 1) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.all.filter(wanted);
        if (found.length < count && !this.#over) return;
        this.#waiting.delete(look);
        clearTimeout(guard);
        if (found.length >= count) resolve(found);
        else reject(new Error(`the output ended with ${found.length} of ${count} awaited lines`));
      };
      const guard = setTimeout(() => {
        this.#waiting.delete(look);
        reject(
          new Error(
            `hang guard: the awaited line never came; last: ${JSON.stringify(this.all.at(-1))}`,
          ),
        );
      }, HANG_GUARD_MS);
      this.#waiting.add(look);
      look();
    });
  }
}

async function end(child) {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  return child.exitCode;
}

// The model server; what it can be told is in tests/fakes/rules.py.
export class Models {
  static async start({ keys = [] } = {}) {
    const program = path.join(repository, 'tests/fakes/model_server.py');
    const child = spawn(
      process.env.CULVERT_E2E_PYTHON ?? 'python3',
      [program, '--with-parent', '--cert', cert, '--key', key, '--keys', keys.join(',')],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [told] = await new Lines(child.stdout).wait(() => true);
    return new Models(child, told);
  }

  constructor(child, told) {
    this.child = child;
    this.control = `http://${told.control}/__fake`;
    this.url = `https://localhost:${told.listening.split(':').at(-1)}`;
  }

  async #ask(method, what, body) {
    const answer = await fetch(`${this.control}/${what}`, {
      method,
      body: body && JSON.stringify(body),
    });
    const value = await answer.json();
    if (!answer.ok) throw new Error(`${what}: ${answer.status} ${JSON.stringify(value)}`);
    return value;
  }

  behave(...rules) {
    return this.#ask('POST', 'behave', rules);
  }

  reset() {
    return this.#ask('POST', 'reset');
  }

  // wait({aborted: 1}): until each count has at least this value.
  wait(counts) {
    return this.#ask('GET', `wait?${new URLSearchParams(counts)}`);
  }

  async requests() {
    return (await this.#ask('GET', 'requests')).requests;
  }

  async close() {
    await end(this.child);
  }
}

// Tries follow one another at once, and a wait that a vendor asks for is its client's: what pauses
// do is held by tests/integration and tests/unit.
const PROMPT_RETRIES = ['openai', 'anthropic', 'gemini']
  .map((name) => `kind: Upstream\nname: ${name}\nspec: {retry: {backoff: 1ms, within: 5s}}\n`)
  .join('---\n');

// The relay, on https and http, with `env` on top of the least it needs, and a configuration file.
export class Relay {
  static async start(env, config = PROMPT_RETRIES) {
    const folder = await mkdtemp(path.join(tmpdir(), 'culvert-e2e-'));
    const program = process.env.CULVERT_RELAY ?? path.join(repository, 'build/bin/culvert-relay');
    const file = path.join(folder, 'relay.yaml');
    await writeFile(file, config);
    const args = ['--config', file];
    const kept = ['PATH', 'HOME', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LSAN_OPTIONS'];
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...Object.fromEntries(kept.filter((n) => n in process.env).map((n) => [n, process.env[n]])),
        CULVERT_LISTEN: 'https://127.0.0.1:0',
        CULVERT_ADMIN_LISTEN: '127.0.0.1:0',
        CULVERT_TLS_CERT: cert,
        CULVERT_TLS_KEY: key,
        CULVERT_STATE_DIR: path.join(folder, 'state'),
        CULVERT_DRAIN_TIMEOUT: '5s',
        CULVERT_WORKERS: '2',
        SSL_CERT_FILE: authority,
        ...env,
      },
    });
    const relay = new Relay(child, folder);
    try {
      await relay.log.wait((line) => line.msg === 'ready');
    } catch (error) {
      await end(child);
      throw new Error(`the relay did not start: ${error.message}\n${relay.stderr.join('\n')}`);
    }
    const at = (scheme) =>
      relay.log.all.find((l) => l.msg === 'listening' && l.scheme === scheme).address;
    relay.url = `https://localhost:${at('https').split(':').at(-1)}`;
    relay.admin = `http://${at('admin')}`;
    return relay;
  }

  constructor(child, folder) {
    this.child = child;
    this.folder = folder;
    this.stderr = [];
    this.log = new Lines(child.stderr, (text) => this.stderr.push(text));
    this.accessLog = new Lines(child.stdout);
  }

  async metrics() {
    return (await fetch(`${this.admin}/metrics`)).text();
  }

  // Ends it as an operator would; anything but exit 0 shows its log and fails.
  async close() {
    const code = await end(this.child);
    await rm(this.folder, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the relay ended with ${code}\n${this.stderr.join('\n')}`);
  }
}
