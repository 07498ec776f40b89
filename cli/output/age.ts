const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** How long ago a time was, as kubectl prints ages (`HumanDuration` of k8s.io/apimachinery/pkg/util/duration). */
export function age(from: string, now: Date): string {
    const ms = now.getTime() - Date.parse(from);
    if (Number.isNaN(ms)) {
        return "<unknown>";
    }
    if (ms <= -2 * SECOND) {
        return "<invalid>"; // clocks may differ by less
    }
    const passed = Math.max(ms, 0);
    if (passed < 2 * MINUTE) {
        return count(passed, SECOND, "s");
    }
    if (passed < 10 * MINUTE) {
        return count(passed, MINUTE, "m") + rest(passed % MINUTE, SECOND, "s");
    }
    if (passed < 3 * HOUR) {
        return count(passed, MINUTE, "m");
    }
    if (passed < 8 * HOUR) {
        return count(passed, HOUR, "h") + rest(passed % HOUR, MINUTE, "m");
    }
    if (passed < 2 * DAY) {
        return count(passed, HOUR, "h");
    }
    if (passed < 8 * DAY) {
        return count(passed, DAY, "d") + rest(passed % DAY, HOUR, "h");
    }
    if (passed < 2 * YEAR) {
        return count(passed, DAY, "d");
    }
    return count(passed, YEAR, "y") + (passed < 8 * YEAR ? rest(passed % YEAR, DAY, "d") : "");
}

function count(ms: number, unit: number, name: string): string {
    return `${Math.floor(ms / unit)}${name}`;
}

function rest(ms: number, unit: number, name: string): string {
    return ms < unit ? "" : count(ms, unit, name);
}
