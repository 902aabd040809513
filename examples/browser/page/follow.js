// follow reads a stream of events and calls take(event, kind) for each. EventSource cannot send a
// token in a header; fetch can. If the stream is cut off, follow comes again with the last id. It returns the
// error with which the server ends the stream or refuses it, or nothing when signal aborts.
export async function follow(url, token, take, show, signal) {
  let id = "";
  for (let wait = 1000; ; wait = Math.min(2 * wait, 30000)) {
    try {
      const headers = { Authorization: "Bearer " + token };
      if (id) headers["Last-Event-ID"] = id;
      const answer = await fetch(url, { headers, cache: "no-store", signal });
      if (!answer.ok && answer.status < 500 && answer.status !== 429) return await answer.json();
      if (answer.ok) {
        show("live");
        for await (const block of blocks(answer.body)) {
          wait = 1000;
          if (block.event === "end") return JSON.parse(block.data);
          if (block.data) take(JSON.parse(block.data), block.event);
          if ("id" in block) id = block.id; // it is taken: go on after it
        }
      }
    } catch (err) {
      if (signal.aborted) return;
      console.warn(err);
    }
    show("cut off; trying again");
    await new Promise((done) => setTimeout(done, wait));
  }
}

// blocks gives what stands between empty lines, as an object of its fields. Comments are left out. The server
// ends lines with a line feed, and gives each event one line of data.
async function* blocks(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const found = (text + value).split("\n\n");
    text = found.pop();
    for (const lines of found) {
      const block = {};
      for (const line of lines.split("\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) block[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
      }
      yield block;
    }
  }
}
