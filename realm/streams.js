// The Streams standard: all of it is the package web-streams-polyfill, by an editor of the standard.
import * as streams from "web-streams-polyfill";

export default ({ define }) => {
  const classes = { ...streams };
  for (const name of Object.keys(classes)) define(name, classes[name]);
  // Where AsyncIterator.prototype is, the package leaves out.
  const generator = async function* () {}.prototype;
  const iterator = Object.getPrototypeOf(new streams.ReadableStream().values());
  delete iterator[Symbol.asyncIterator];
  Object.setPrototypeOf(iterator, Object.getPrototypeOf(Object.getPrototypeOf(generator)));
  return classes;
};
