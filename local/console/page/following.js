// Whether a list of messages is at its end, so that it follows new ones.

const NEAR_PIXELS = 60;

export class Following {
  constructor(scroller) {
    this.scroller = scroller;
    this.atEnd = true;
    this.top = 0; // where the list was scrolled to when that was last noted
  }

  /** Whether the beginning of what is loaded is nearly in view. */
  get isNearTop() {
    return this.scroller.scrollTop < NEAR_PIXELS;
  }

  /**
   * Note whether the list is at its end. Whoever moves up, however little, leaves the end at once, even if the event
   * that tells of it is still to come: a message that arrives at that moment must not pull the list back.
   */
  note() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const distance = scrollHeight - scrollTop - clientHeight;
    if (scrollTop < this.top - 1) this.atEnd = false;
    // Who comes back down need not hit the last pixel.
    const reach = scrollTop > this.top ? NEAR_PIXELS : 2;
    this.atEnd ||= distance < reach;
    this.top = scrollTop;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.top = this.scroller.scrollTop;
    this.atEnd = true;
  }

  /** Let `change` put something above what is in view, which stays where it is. */
  above(change) {
    const { scrollHeight, scrollTop } = this.scroller;
    change();
    this.scroller.scrollTop = scrollTop + this.scroller.scrollHeight - scrollHeight;
    this.top = this.scroller.scrollTop;
  }
}
