import { expect, test } from "vitest";
import { SseParser } from "./sse";

const STREAM = [
  "retry: 1000\n\n",
  ": heartbeat\n\n",
  'id: r:7\nevent: window\ndata: {"a": 1}\n\n',
  "data: one\ndata: two\r\n\r\n",
  "event: state\rdata:x\r\r",
  "event: nothing\n\n",
].join("");

const EVENTS = [
  { id: "r:7", kind: "window", data: '{"a": 1}' },
  { id: "r:7", kind: "message", data: "one\ntwo" },
  { id: "r:7", kind: "state", data: "x" },
];

test("events are the same in whatever pieces the text comes", () => {
  for (let size = 1; size <= STREAM.length; size += 1) {
    const parser = new SseParser();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) {
      found.push(...parser.feed(STREAM.slice(at, at + size)));
    }
    expect(found).toEqual(EVENTS);
  }
});

test("an event that is not complete is none yet", () => {
  const parser = new SseParser();
  expect(parser.feed("id: r:1\ndata: x\n")).toEqual([]);
  expect(parser.feed("\n")).toEqual([{ id: "r:1", kind: "message", data: "x" }]);
  expect(parser.feed("id: no\0\ndata: y\n\n")).toEqual([{ id: "r:1", kind: "message", data: "y" }]);
});
