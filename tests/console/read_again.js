// Shows a conversation of a made-up channel. The test says when the channel is read again and which messages it then has.
async () => {
  const { Conversation } = await import('./conversation.js');
  const { Outbox } = await import('./outbox.js');
  const made = { author: 'bob', type: 'text', attachedMedia: [], lastUpdatedBy: null };
  const said = (index) => ({ ...made, index, body: `message ${index}`, dateCreated: new Date() });
  const page = (...indexes) => ({ items: indexes.map(said), hasPrevPage: false });
  const channel = { sid: 'CH', friendlyName: 'General', getMembers: async () => [] };
  const pane = { identity: 'alice', isActive: false, countUnread: () => (window.unread = conversation.countUnread()) };
  pane.outbox = () => new Outbox(channel.sid);
  channel.getMessages = async () => page(0, 1);
  const conversation = new Conversation(pane, channel);
  document.body.replaceChildren(conversation.element);
  window.readAgain = (...indexes) => {
    channel.getMessages = () => new Promise((resolve) => (window.answer = () => resolve(page(...indexes))));
    window.reading = conversation.refetch();
  };
  window.type = () => conversation.onTyping({ identity: 'bob' }, true);
  window.arrive = (index) => conversation.onMessageAdded(said(index));
}
