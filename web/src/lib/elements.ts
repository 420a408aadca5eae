// Making elements.

type Properties<Tag extends keyof HTMLElementTagNameMap> = Partial<Omit<HTMLElementTagNameMap[Tag], "style">> & {
  style?: string;
  set?: Record<string, string>;
};

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties<Tag> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  const { set = {}, style, ...rest } = properties as { set?: Record<string, string>; style?: string };
  Object.assign(made, rest);
  if (style) made.style.cssText = style;
  for (const [name, value] of Object.entries(set)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** One stop for the Tab key in a row or grid of buttons; arrows, Home and End move between them. */
export function roving(buttons: readonly HTMLElement[], columns: () => number): void {
  const focus = (index: number) => {
    const to = Math.min(buttons.length - 1, Math.max(0, index));
    buttons.forEach((button, i) => (button.tabIndex = i === to ? 0 : -1));
    buttons[to].focus();
  };
  buttons.forEach((button, i) => {
    button.tabIndex = i === 0 ? 0 : -1;
    button.addEventListener("keydown", (event) => {
      const to: Record<string, number> = {
        ArrowRight: i + 1,
        ArrowLeft: i - 1,
        ArrowDown: i + columns(),
        ArrowUp: i - columns(),
        Home: 0,
        End: buttons.length - 1,
      };
      if (!(event.key in to)) return;
      event.preventDefault();
      focus(to[event.key]);
    });
    button.addEventListener("focus", () => buttons.forEach((other) => (other.tabIndex = other === button ? 0 : -1)));
  });
}

/** A number with two decimals and a true minus sign. */
export function decimal(value: number, digits = 2): string {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "\u2212");
}
