package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.Endpoint;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;

/**
 * The folder that holds one cluster: its keys, logs and reports.
 *
 * @param path absolute
 */
record RunDir(Path path) {
    /** Where a running cluster says how it is reached. */
    Path endpointFile() {
        return path.resolve(Endpoint.FILE);
    }

    /** All that the coordinator prints. */
    CoordinatorLog coordinatorLog() {
        return new CoordinatorLog(path.resolve("logs").resolve("coordinator.log"));
    }

    /** Where a run's report lies unless the user named a place. */
    Path reportDir(String runId) {
        return reports().resolve(runId);
    }

    /** Holds the report of every run for which the user named no place. */
    Path reports() {
        return path.resolve("reports");
    }

    /**
     * Makes the folder, for its owner alone.
     *
     * @throws CommandException if that cannot be
     */
    void prepare() {
        try {
            Files.createDirectories(coordinatorLog().file().getParent());
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
        } catch (FileAlreadyExistsException e) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT, e.getFile() + " is not a folder: set LOCKSTEP_RUN_DIR to one", e);
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT,
                    "cannot make " + path + " a private folder (" + Messages.of(e)
                            + "): set LOCKSTEP_RUN_DIR to a place you may write to",
                    e);
        }
    }

    /**
     * What the endpoint file says; empty when there is none.
     *
     * @throws CommandException if it is there but cannot be read
     */
    Optional<Endpoint> endpoint() {
        try {
            return Optional.of(Json.MAPPER.readValue(Files.readAllBytes(endpointFile()), Endpoint.class));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.NO_CLUSTER,
                    "cannot read " + endpointFile() + " (" + Messages.of(e)
                            + "): if no cluster runs there, delete the file",
                    e);
        }
    }

    /**
     * Removes the endpoint file of a cluster that is gone.
     *
     * @throws CommandException if that cannot be
     */
    void deleteEndpoint() {
        try {
            Files.deleteIfExists(endpointFile());
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT, "cannot delete " + endpointFile() + " (" + Messages.of(e) + ")", e);
        }
    }

    /** The end of a command that needs a cluster and finds none. */
    CommandException noCluster() {
        return new CommandException(
                ExitStatus.NO_CLUSTER,
                "no cluster is running in " + path + ": start one with deploy/bin/start-cluster");
    }
}
