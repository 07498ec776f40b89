import assert from "node:assert/strict";
import { describe as sentence, errorsOf, type Problem, warningsOf } from "../../core/problem";

const problem: Problem = {
    vm: "prod/web",
    nic: "eth1",
    field: "ipConfig.address",
    value: "10.0.0.7",
    rule: "the address is taken",
    holder: "prod/db/eth0",
    remedy: "choose another one",
};

describe("problem", () => {
    it("is one sentence with place, value, rule, holder and remedy", () => {
        assert.equal(
            sentence(problem),
            'NIC "eth1" of VM "prod/web": ipConfig.address "10.0.0.7" is refused: the address is taken; ' +
                "it is held by prod/db/eth0; choose another one.",
        );
    });

    it("leaves out what it does not have", () => {
        assert.equal(
            sentence({ subject: 'IPPool "lan"', field: "vlanId", value: 0, rule: "r", remedy: "m" }),
            'IPPool "lan": vlanId 0 is refused: r; m.',
        );
        assert.equal(
            sentence({ vm: "web", field: "networks", rule: "r", remedy: "m" }),
            'VM "web": networks is refused: r; m.',
        );
    });

    it("tells errors from warnings", () => {
        const warning: Problem = { ...problem, severity: "warning" };
        assert.deepEqual(errorsOf([problem, warning]), [problem]);
        assert.deepEqual(warningsOf([problem, warning]), [warning]);
        assert.match(sentence(warning), /is doubtful/);
    });

    it("keeps a value with quotes or line breaks on one line", () => {
        assert.ok(!sentence({ ...problem, value: 'a"\nb' }).includes("\n"));
    });
});
