// Work for parts of the page that are seen, done while nothing moves.

/** Runs `work` when asked while `section` is on the screen, else once it comes there. A newer wish stops the older. */
export function whenSeen(
  section: Element,
  work: (current: () => boolean) => Promise<void>,
  failed: (error: unknown) => void,
): () => void {
  let seen = false;
  let wanted = false;
  let wish = 0;
  const start = () => {
    if (!seen || !wanted) return;
    wanted = false;
    const mine = ++wish;
    work(() => mine === wish).catch(failed);
  };
  new IntersectionObserver(
    (entries) => {
      seen = entries[entries.length - 1].isIntersecting;
      start();
    },
    { rootMargin: "200px" },
  ).observe(section);
  return () => {
    wanted = true;
    wish += 1;
    start();
  };
}
