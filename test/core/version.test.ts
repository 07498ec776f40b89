import assert from "node:assert/strict";
import { isAtLeast } from "../../core/version";

describe("version", () => {
    it("compares major and minor", () => {
        assert.equal(isAtLeast("v1.9.0", 1, 8), true);
        assert.equal(isAtLeast("1.8.0", 1, 8), true);
        assert.equal(isAtLeast("v1.10.0", 1, 9), true);
        assert.equal(isAtLeast("v1.7.3", 1, 8), false);
        assert.equal(isAtLeast("v2.0.0", 1, 8), true);
        assert.equal(isAtLeast("v0.59.0", 1, 0), false);
        assert.equal(isAtLeast("v1.9.0-rc.1+dirty", 1, 9), true);
    });

    it("is undefined for what is no version", () => {
        for (const text of ["", "devel", "v1", "v1.x", "{version}"]) {
            assert.equal(isAtLeast(text, 1, 6), undefined, text);
        }
    });
});
