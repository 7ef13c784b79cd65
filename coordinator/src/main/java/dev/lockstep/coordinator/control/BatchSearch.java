package dev.lockstep.coordinator.control;

import java.util.OptionalInt;

/**
 * Finds the largest batch that fits by trying some: doubles from 1 until one does not, then bisects between the two down to an eighth of
 * the power of two below. It trusts that what is larger than a misfit does not fit either.
 */
final class BatchSearch {
    private static final int STEPS_OF_AN_OCTAVE = 8;

    private final int limit;
    private boolean limitIsLikely;
    private int largestFit;
    private int leastMisfit;

    private BatchSearch(int limit, boolean limitIsLikely) {
        this.limit = limit;
        this.limitIsLikely = limitIsLikely;
        this.leastMisfit = limit + 1;
    }

    /** A search from 1 up to {@code limit}, which nothing larger than is tried. */
    static BatchSearch upTo(int limit) {
        return new BatchSearch(limit, false);
    }

    /** A search that tries {@code limit} first, and whatever is smaller only when that does not fit. */
    static BatchSearch downFrom(int limit) {
        return new BatchSearch(limit, true);
    }

    /** The batch to try next; empty when the search is over. */
    OptionalInt next() {
        if (limitIsLikely) {
            return OptionalInt.of(limit);
        }
        int doubled = Math.max(1, 2 * largestFit);
        if (doubled < leastMisfit) {
            return OptionalInt.of(doubled);
        }
        int between = leastMisfit - largestFit;
        int grain = Math.max(1, Integer.highestOneBit(largestFit) / STEPS_OF_AN_OCTAVE);
        return largestFit == 0 || between <= grain ? OptionalInt.empty() : OptionalInt.of(largestFit + between / 2);
    }

    /** The batch that {@link #next} named fits. */
    void fits() {
        largestFit = next().orElseThrow();
        limitIsLikely = false;
    }

    /** The batch that {@link #next} named does not fit. */
    void doesNotFit() {
        leastMisfit = next().orElseThrow();
        limitIsLikely = false;
    }

    /** The largest batch that was seen to fit; empty when none was. */
    OptionalInt largest() {
        return largestFit == 0 ? OptionalInt.empty() : OptionalInt.of(largestFit);
    }
}
