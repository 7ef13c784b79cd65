package dev.lockstep.coordinator.selftest;

/**
 * One row of a self-test.
 *
 * @param what was looked at
 * @param found what there is
 * @param expected what there must be, or should be where it is a goal
 */
public record Check(String what, String found, String expected, Outcome outcome) {
    /** How a check ended. */
    public enum Outcome {
        OK("ok"),
        FAILED("FAILED"),
        /** A goal, which is no condition, is reached. */
        MET("met"),
        MISSED("missed");

        private final String label;

        Outcome(String label) {
            this.label = label;
        }

        /** The word in the table. */
        public String label() {
            return label;
        }
    }

    /** A condition. */
    public static Check of(String what, String found, String expected, boolean holds) {
        return new Check(what, found, expected, holds ? Outcome.OK : Outcome.FAILED);
    }

    /** A goal. */
    public static Check goal(String what, String found, String expected, boolean met) {
        return new Check(what, found, expected, met ? Outcome.MET : Outcome.MISSED);
    }

    /** Whether the self-test has failed with it. */
    public boolean isFailed() {
        return outcome == Outcome.FAILED;
    }
}
