/*
 * New activities as they are recognized: text/event-stream by fetch(), since
 * an EventSource cannot send Authorization.  The service ends each stream
 * after a minute; the next one goes on behind the last event (Last-Event-ID).
 *
 * Here is, too, when what failed is asked for again: after 1 s to 30 s, or as
 * the service says.
 */

const LEAST = 1000;
const MOST = 30000;


class Pace {
  #wait = LEAST;

  good() {
    this.#wait = LEAST;
  }

  /* throws what is for good: access that ended (404), and the like */
  failed(error) {
    if (error.status >= 400 && error.status < 500
        && error.status !== 401 && error.status !== 429) {
      throw error;
    }

    this.#wait = Math.min(Math.max(2 * this.#wait,
                                   1000 * (error.retry ?? 0)), MOST);
  }

  next() {
    return new Promise((resolve) => { setTimeout(resolve, this.#wait); });
  }
}


/*
 * What "ask" returns, as often as that takes, until "signal" aborts; "failed"
 * is told why not yet.  Throws what is for good, as live() does.
 */
export async function persist(ask, { signal, failed }) {
  const pace = new Pace();

  for (;;) {
    try {
      return await ask();
    } catch (error) {
      signal?.throwIfAborted();
      pace.failed(error);
      failed(error);
    }

    await pace.next();
    signal?.throwIfAborted();
  }
}


/*
 * Calls "take" with each event's data, "state" with true where there is a
 * stream and false where there is none, until "signal" aborts.  Throws what
 * is for good: access that ended (404), and the like.
 */
export async function live(session, path, { take, state, signal, last = '' }) {
  const pace = new Pace();

  while (!signal.aborted) {
    try {
      const answer = await session.open(path, {
        headers: {
          Accept: 'text/event-stream',
          ...(last ? { 'Last-Event-ID': last } : {}),
        },
        signal,
      });

      signal.throwIfAborted();
      state(true);
      pace.good();

      for await (const event of events(answer.body)) {
        signal.throwIfAborted();
        last = event.id || last;
        if (event.data) {
          take(JSON.parse(event.data), event.event);
        }
      }
    } catch (error) {
      if (signal.aborted) {
        return;
      }

      pace.failed(error);
      state(false);
    }

    await pace.next();
  }
}


/* HTML, 9.2.6: lines, an empty one ends an event */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let event = { id: '', event: '', data: '' };

  for (;;) {
    const { value, done } = await reader.read();

    if (done) {
      return;
    }

    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);

    rest = lines.pop();

    for (const line of lines) {
      if (line === '') {
        yield event;
        event = { id: '', event: '', data: '' };
        continue;
      }

      const [, name, text] = /^([^:]*):? ?(.*)$/.exec(line);

      if (name === 'data') {
        event.data += (event.data ? '\n' : '') + text;
      } else if (name === 'id' || name === 'event') {
        event[name] = text;
      }
    }
  }
}
