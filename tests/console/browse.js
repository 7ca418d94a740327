// Opens the dialog that finds a channel, on a made-up client. Its service has as many public channels as the test says,
// and one more, `far`, which its list does not contain. The list gives no page that reaches beyond `upTo` channels.
async (count) => {
  const { browseDialog } = await import('./browse.js');
  const room = (number) => ({ sid: `CH${number}`, friendlyName: `Room ${number}`, uniqueName: null });
  const page = (first, size) => ({
    items: Array.from({ length: Math.min(size, count - first) }, (_, at) => room(first + at)),
    hasNextPage: first + size < count,
    nextPage: () => (first + size < window.upTo ? Promise.resolve(page(first + size, size)) : new Promise(() => {})),
  });
  const far = { sid: 'CHfar', friendlyName: 'Far away', uniqueName: 'far' };
  window.upTo = Infinity;
  const client = {
    getPublicChannelDescriptors: async (size) => page(0, size),
    getChannelByUniqueName: async (name) => (name === 'far' ? far : Promise.reject(new Error('there is none'))),
  };
  browseDialog(client);
}
