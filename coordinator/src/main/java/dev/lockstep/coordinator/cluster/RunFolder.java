package dev.lockstep.coordinator.cluster;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.coordinator.api.Endpoint;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

/** The folder of one cluster: private to the user, locked while the cluster lives, with the endpoint in it while it is ready. */
final class RunFolder implements AutoCloseable {
    private final Path folder;
    private final FileChannel lockFile;

    private RunFolder(Path folder, FileChannel lockFile) {
        this.folder = folder;
        this.lockFile = lockFile;
    }

    /**
     * Makes the folder if need be and locks it until this process ends.
     *
     * @throws LockstepException ENVIRONMENT when another cluster has it, or it cannot be made
     */
    static RunFolder claim(Path folder) {
        try {
            Files.createDirectories(folder);
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
            Files.createDirectories(folder.resolve("logs"));
            FileChannel channel = FileChannel.open(
                    folder.resolve("cluster.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            FileLock lock = channel.tryLock();
            if (lock == null) {
                channel.close();
                throw new LockstepException(
                        FailureCategory.ENVIRONMENT,
                        "a cluster is already running in " + folder
                                + ": stop it with deploy/bin/stop-cluster, or name another folder in LOCKSTEP_RUN_DIR");
            }
            return new RunFolder(folder, channel);
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "the run folder " + folder + " cannot be used: " + e.getMessage()
                            + ": name another in LOCKSTEP_RUN_DIR",
                    e);
        }
    }

    Path path() {
        return folder;
    }

    Path logs() {
        return folder.resolve("logs");
    }

    /** Tells clients that the cluster is ready; readable by the owner alone from the first byte. */
    void publish(Endpoint endpoint) throws IOException {
        Path temporary = folder.resolve(Endpoint.FILE + ".new");
        Files.deleteIfExists(temporary);
        Files.createFile(temporary, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.write(temporary, new ObjectMapper().writeValueAsBytes(endpoint));
        Files.move(
                temporary,
                folder.resolve(Endpoint.FILE),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
    }

    /** Tells clients that there is nothing to talk to. */
    void withdraw() throws IOException {
        Files.deleteIfExists(folder.resolve(Endpoint.FILE));
    }

    @Override
    public void close() throws IOException {
        withdraw();
        lockFile.close();
    }
}
