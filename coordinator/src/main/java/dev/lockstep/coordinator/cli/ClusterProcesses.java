package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.DeviceView;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/** The processes of a cluster, found by their ids and recognised by their command lines: an id alone may be another's by now. */
final class ClusterProcesses {
    /** What the command lines of coordinator and workers have in common: the package of their main classes. */
    private static final String MARK = "dev.lockstep.";

    private ClusterProcesses() {}

    /** The process with this id if it is alive and one of Lockstep's. */
    static Optional<ProcessHandle> find(long pid) {
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).filter(ClusterProcesses::isLockstep);
    }

    /** The coordinator and its workers, as far as they are alive. */
    static List<ProcessHandle> of(long coordinatorPid, List<DeviceView> devices) {
        List<ProcessHandle> processes = new ArrayList<>();
        Stream.concat(Stream.of(coordinatorPid), devices.stream().map(DeviceView::pid))
                .filter(Objects::nonNull)
                .forEach(pid -> find(pid).ifPresent(processes::add));
        return processes;
    }

    private static boolean isLockstep(ProcessHandle process) {
        Path commandLine = Path.of("/proc", Long.toString(process.pid()), "cmdline");
        try {
            // ProcessHandle.info() cuts long command lines short, and a class path is long.
            return Files.readString(commandLine, StandardCharsets.ISO_8859_1).contains(MARK);
        } catch (NoSuchFileException e) {
            return process.info().commandLine().orElse("").contains(MARK);
        } catch (IOException e) {
            // Another user's process, or one that has just ended.
            return false;
        }
    }
}
