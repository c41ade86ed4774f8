/*
 * A day out of windows: which activity from when to when, how long each, and
 * the heart rate.  Pure: no page, no clock.
 *
 * A window lasts until the next one of its recording begins; where recordings
 * overlap the window that begins first has the time.  Windows that follow one
 * another with one activity are one span.
 */

const GAP = 3;                            /* s: closer than that is no gap */


export class Day {
  #windows = new Map();                   /* by recording and start */

  /* seconds since 1970 */
  constructor(from, to) {
    this.from = from;
    this.to = to;
  }

  /* windows as the service has them, known ones too: true if any was new */
  add(windows) {
    let added = false;

    for (const w of windows) {
      if (w.end > this.from && w.start < this.to) {
        const key = `${w.recording} ${w.start}`;
        added ||= !this.#windows.has(key);
        this.#windows.set(key, w);
      }
    }

    return added;
  }

  get sorted() {
    return [...this.#windows.values()].sort((a, b) => a.start - b.start);
  }

  /* [{ start, end, activity }], in order, none over another one */
  get spans() {
    const spans = [];
    let last = null;

    for (const w of this.sorted) {
      const activity = w.smoothed ?? w.activity;
      const start = Math.max(w.start, this.from, last?.end ?? 0);
      const end = Math.min(w.end, this.to);

      if (last && w.start < last.end && last.activity !== activity
          && w.start > last.start) {
        last.end = w.start;
        spans.push(last = { start: w.start, end, activity });
      } else if (last && last.activity === activity
                 && w.start - last.end < GAP) {
        last.end = Math.max(last.end, end);
      } else if (end > start) {
        spans.push(last = { start, end, activity });
      }
    }

    return spans;
  }

  /* whole hours around what there is, or the day: [from, to] */
  get range() {
    const spans = this.spans;

    if (spans.length === 0) {
      return [this.from, this.to];
    }

    const hour = (s, round) => this.from + round((s - this.from) / 3600) * 3600;

    return [hour(spans[0].start, Math.floor),
            Math.min(hour(spans.at(-1).end, Math.ceil), this.to)];
  }

  /* [[activity, seconds]], the longest first */
  get totals() {
    const totals = new Map();

    for (const s of this.spans) {
      totals.set(s.activity, (totals.get(s.activity) ?? 0) + s.end - s.start);
    }

    return [...totals].sort((a, b) => b[1] - a[1]);
  }

  /* [[seconds], [bpm or null]]: null where there is none for a while */
  get heart() {
    const at = [];
    const bpm = [];

    for (const w of this.sorted) {
      if (w.heart_rate_bpm == null) {
        continue;
      }

      if (at.length && w.start - at[at.length - 1] > 60) {
        at.push(at[at.length - 1] + 1);
        bpm.push(null);
      }

      if (!at.length || w.start > at[at.length - 1]) {
        at.push(w.start);
        bpm.push(w.heart_rate_bpm);
      }
    }

    return [at, bpm];
  }
}


/* 4,000 s: "1 h 7 min" */
export function duration(seconds) {
  const minutes = Math.round(seconds / 60);

  if (seconds < 60) {
    return `${Math.round(seconds)} s`;
  }

  return minutes < 60 ? `${minutes} min`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
