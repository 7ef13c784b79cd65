package dev.lockstep.coordinator.cli;

import picocli.CommandLine.Option;

/** Whether a cluster takes GPUs; {@code deploy/bin} looks at these too, and has Maven fetch the CUDA build of libtorch. */
final class CudaOptions {
    @Option(
            names = "--cuda",
            description = "take GPUs, or fail where there are none; fetches what they need, 2.46 GB, if it is missing")
    boolean cuda;

    @Option(names = "--no-cuda", description = "leave GPUs alone: auto is the CPU then")
    boolean noCuda;

    /**
     * The devices that are meant.
     *
     * @param devices as given with {@code --devices}
     * @throws CommandException for what contradicts itself
     */
    String specification(String devices) {
        if (cuda && noCuda) {
            throw new CommandException(ExitStatus.USAGE, "--cuda and --no-cuda exclude each other: give one of them");
        }
        if ((cuda && devices.startsWith("cpu:")) || (noCuda && devices.startsWith("cuda:"))) {
            throw new CommandException(
                    ExitStatus.USAGE,
                    "--devices " + devices + " and " + (cuda ? "--cuda" : "--no-cuda") + " exclude each other");
        }
        return cuda && devices.equals("auto") ? "cuda:all" : devices;
    }
}
