// The one way between a field and the page around it. See docs/hosted-fields.md for the messages.

/**
 * Listens to the page around, and to nobody else, and speaks to it. The first init gives the field its id; messages of
 * another id are another field's.
 *
 * @param {Window} window
 * @param {string} origin of the page around, as the server checked it
 * @param {Map<string, (message: object) => void>} handlers by type
 * @returns {(type: string, content?: object) => void} says something to the page around
 */
export function talk(window, origin, handlers) {
  let id = null;
  window.addEventListener('message', (event) => {
    if (event.source !== window.parent || event.origin !== origin) return;
    const message = event.data;
    if (message?.florin !== 1 || typeof message.id !== 'string') return;
    if (id === null && message.type === 'init') id = message.id;
    if (message.id !== id) return;
    handlers.get(message.type)?.(message);
  });
  return (type, content = {}) => {
    if (id !== null) window.parent.postMessage({ ...content, florin: 1, id, type }, origin);
  };
}
