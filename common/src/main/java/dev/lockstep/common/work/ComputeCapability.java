package dev.lockstep.common.work;

/** What a GPU's generation can do, as NVIDIA numbers it. */
public record ComputeCapability(int major, int minor) {
    private static final int FIRST_WITH_TF32 = 8;

    /** Whether its tensor cores take float32 at TF32's precision. */
    public boolean hasTf32() {
        return major >= FIRST_WITH_TF32;
    }

    /** As in {@code 9.0}. */
    @Override
    public String toString() {
        return major + "." + minor;
    }

    /** Reads what {@link #toString} makes. */
    public static ComputeCapability parse(String text) {
        String[] numbers = text.split("\\.", -1);
        return new ComputeCapability(Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]));
    }
}
