package dev.lockstep.coordinator.host;

import dev.lockstep.coordinator.host.MachineTexts.ProcessorTicks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The machine's counters, read from {@code /proc} and {@code /sys}. What is not there is not told; a sample takes well under 1 ms. */
public final class MachineFiles {
    private static final double KILOHERTZ_PER_MEGAHERTZ = 1e3;

    private final Path proc;
    private final List<Path> processorFolders;
    private final List<Path> throttlingFiles;
    private final List<Integer> processors;

    /**
     * Finds the files.
     *
     * @param root {@code /}
     * @param processors that Lockstep may use
     */
    public MachineFiles(Path root, List<Integer> processors) {
        this.proc = root.resolve("proc");
        this.processors = List.copyOf(processors);
        Path folders = root.resolve("sys/devices/system/cpu");
        this.processorFolders = processors.stream()
                .map(processor -> folders.resolve("cpu" + processor))
                .toList();
        Path groups = root.resolve("sys/fs/cgroup");
        this.throttlingFiles = read(proc.resolve("self/cgroup")).stream()
                .flatMap(cgroup -> MachineTexts.controlGroups(cgroup).stream())
                .map(group -> groups.resolve(group).resolve("cpu.stat"))
                .filter(Files::isReadable)
                .toList();
    }

    /** How many processors are looked at. */
    public int processorCount() {
        return processors.size();
    }

    /**
     * Takes a sample.
     *
     * @param nanos the time now
     * @param pids the cluster's processes on this machine
     * @throws UncheckedIOException if a file that is there cannot be read
     */
    public MachineSample sample(long nanos, Collection<Long> pids) {
        Optional<ProcessorTicks> ticks =
                read(proc.resolve("stat")).map(stat -> MachineTexts.processorTicks(stat, processors));
        Optional<String> memory = read(proc.resolve("vmstat"));
        return new MachineSample(
                nanos,
                ticks.map(ProcessorTicks::busy).orElse(null),
                ticks.map(ProcessorTicks::stolen).orElse(null),
                clusterTicks(pids),
                sum(throttlingFiles.stream().map(file -> read(file).flatMap(MachineTexts::throttledNanos))),
                thermalThrottles(),
                megahertz(),
                memory.flatMap(text -> MachineTexts.counter(text, "pswpin")).orElse(null),
                memory.flatMap(text -> MachineTexts.counter(text, "pswpout")).orElse(null));
    }

    /** Null when one of the processes is gone: what it used is not known any more. */
    private Long clusterTicks(Collection<Long> pids) {
        List<Optional<String>> stats = pids.stream()
                .distinct()
                .map(pid -> read(proc.resolve(Long.toString(pid)).resolve("stat")))
                .toList();
        return stats.stream().allMatch(Optional::isPresent)
                ? sum(stats.stream().map(stat -> stat.map(MachineTexts::processTicks)))
                : null;
    }

    private Long thermalThrottles() {
        return processorFolders.stream()
                .map(folder -> folder.resolve("thermal_throttle"))
                .map(folder -> sum(Stream.of("core_throttle_count", "package_throttle_count")
                        .map(name -> read(folder.resolve(name)).flatMap(MachineTexts::figure))))
                .flatMap(Stream::ofNullable)
                .max(Comparator.naturalOrder())
                .orElse(null);
    }

    private Double megahertz() {
        return processorFolders.stream()
                .flatMap(folder -> read(folder.resolve("cpufreq/scaling_cur_freq")).stream())
                .flatMap(text -> MachineTexts.figure(text).stream())
                .max(Comparator.naturalOrder())
                .map(kilohertz -> kilohertz / KILOHERTZ_PER_MEGAHERTZ)
                .orElse(null);
    }

    /** Null when there is nothing to add up. */
    private static Long sum(Stream<Optional<Long>> figures) {
        return figures.flatMap(Optional::stream).reduce(Long::sum).orElse(null);
    }

    /** A file's text; empty where it is not there, or has just gone. */
    static Optional<String> read(Path file) {
        if (!Files.isReadable(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Files.readString(file));
        } catch (NoSuchFileException e) {
            return Optional.empty(); // It went between the two looks, as a process does.
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
    }
}
