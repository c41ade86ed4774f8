/*
 * Who looks, and the token.  The browser's own certificate is the whole
 * proof: nginx says whose it is (me.json), the token endpoint gives a token
 * that is bound to it (RFC 8705).  It stays in memory, for its five minutes;
 * after two thirds of them the next one is asked for.  There is no secret in
 * this page, and none in an address.
 */

const EARLY = 2 / 3;


/* what went wrong, in words for a person (RFC 9457, RFC 6749, 5.2) */
export class Problem extends Error {
  constructor(status, detail, retry = 0) {
    super(detail);
    this.status = status;
    this.retry = retry;
  }
}


export class Session {
  #me;
  #token;
  #asking = null;

  async begin() {
    const answer = await reach('me.json', { cache: 'no-store' });

    this.#me = await answer.json();

    if (!this.#me.client_id) {
      throw new Problem(400, 'Your certificate has no name that is known here.');
    }

    await this.#renewed();
  }

  /* the answer's JSON, or null where it has none */
  async call(path, options = {}) {
    const answer = await this.open(path, options);

    return answer.status === 204 ? null : answer.json();
  }

  /* the answer itself, which may be a stream */
  async open(path, { method = 'GET', body, headers = {}, signal } = {}) {
    const ask = async (token) => fetch(path, {
      method,
      signal,
      cache: 'no-store',
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body ? { 'Content-Type': 'application/json' } : {}),
        ...headers,
      },
      body: body ? JSON.stringify(body) : undefined,
    });

    let answer = await reached(ask(await this.#valid()));

    if (answer.status === 401) {
      this.#token = null;
      answer = await reached(ask(await this.#valid()));
    }

    return good(answer);
  }

  /* one request for all who wait */
  async #valid() {
    if (this.#token && performance.now() < this.#token.early) {
      return this.#token.value;
    }

    this.#asking ??= this.#renewed().finally(() => { this.#asking = null; });
    await this.#asking;

    return this.#token.value;
  }

  async #renewed() {
    const begun = performance.now();
    const answer = await reach('token', {
      method: 'POST',
      cache: 'no-store',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: this.#me.client_id,
        resource: this.#me.resource,
      }),
    });
    const token = await answer.json();

    this.#token = {
      value: token.access_token,
      early: begun + token.expires_in * 1000 * EARLY,
    };
  }
}


async function reach(path, options) {
  return good(await reached(fetch(path, options)));
}


async function reached(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error.name === 'AbortError') {
      throw error;
    }

    throw new Problem(0, 'The service cannot be reached.');
  }
}


async function good(answer) {
  if (answer.ok) {
    return answer;
  }

  const said = await answer.json().catch(() => ({}));

  throw new Problem(answer.status, said.detail ?? said.error_description
                    ?? said.title ?? `The answer was ${answer.status}.`,
                    Number(answer.headers.get('Retry-After')) || 0);
}
