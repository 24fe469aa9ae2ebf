import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";

/** Ends the run with `browser: N passed, N failed, N skipped` alone on a line, for a shell to read. */
export default class SummaryReporter implements Reporter {
  private readonly counts = { passed: 0, failed: 0, skipped: 0 };

  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.status === "skipped") this.counts.skipped += 1;
    else if (test.ok()) this.counts.passed += 1;
    else this.counts.failed += 1;
  }

  onEnd({ status }: FullResult): void {
    const { passed, skipped } = this.counts;
    // A run that broke off outside of a test has failed, whatever its tests say.
    const failed = this.counts.failed + (status !== "passed" && this.counts.failed === 0 ? 1 : 0);
    console.log(`browser: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
}
