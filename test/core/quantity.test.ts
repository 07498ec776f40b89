import assert from "node:assert/strict";
import { memoryBytes } from "../../core/quantity";

describe("memory quantity", () => {
    // Values by hand, from the table of suffixes in apimachinery's pkg/api/resource/quantity.go.
    const rows: [string, bigint][] = [
        ["0", 0n],
        ["1024", 1024n],
        ["1k", 1000n],
        ["4Gi", 4_294_967_296n],
        ["1.5G", 1_500_000_000n],
        ["0.5Ki", 512n],
        ["1.5Ki", 1536n],
        ["0.0001Ki", 0n],
        ["16384Pi", 18_446_744_073_709_551_616n],
        ["16Ei", 18_446_744_073_709_551_616n],
        ["2E", 2_000_000_000_000_000_000n],
    ];
    for (const [quantity, bytes] of rows) {
        it(`${quantity} is ${String(bytes)} bytes`, () => assert.equal(memoryBytes(quantity), bytes));
    }

    for (const quantity of ["", "Gi", "4 Gi", "4gi", "-1Gi", "4GiB", ".5Gi", "toString", "1constructor"]) {
        it(`knows that ${JSON.stringify(quantity)} is none`, () => assert.equal(memoryBytes(quantity), undefined));
    }
});
