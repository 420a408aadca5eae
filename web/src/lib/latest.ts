// Work that follows a hand on a slider: one piece at a time, and of what waits only the latest.

/**
 * Calls `work` with the latest value asked for, never twice at once. Values that newer ones overtake are left out.
 * `failed` is told of what goes wrong; later values are tried all the same.
 */
export class Latest<Value> {
  private waiting: { value: Value } | null = null;
  private running: Promise<void> | null = null;

  constructor(
    private readonly work: (value: Value) => Promise<void>,
    private readonly failed: (error: unknown) => void,
  ) {}

  ask(value: Value): void {
    this.waiting = { value };
    this.running ??= this.run();
  }

  /** Resolves once nothing waits and nothing runs. */
  async settled(): Promise<void> {
    while (this.running) await this.running;
  }

  get busy(): boolean {
    return this.running !== null;
  }

  private async run(): Promise<void> {
    try {
      while (this.waiting) {
        const { value } = this.waiting;
        this.waiting = null;
        try {
          await this.work(value);
        } catch (error) {
          this.failed(error);
        }
      }
    } finally {
      this.running = null;
    }
  }
}
