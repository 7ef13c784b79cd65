package dev.lockstep.coordinator.control;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.coordinator.data.BatchSource;
import dev.lockstep.coordinator.report.ReportWriter;
import dev.lockstep.coordinator.settings.RunRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;

/** What is checked before a run is accepted, because it can be: that its data and weights are there and that its report has a place. */
final class Preflight {
    private static final DateTimeFormatter ID =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT).withZone(ZoneId.systemDefault());

    private final Path runDir;

    Preflight(Path runDir) {
        this.runDir = runDir;
    }

    /** The folder with the reports of all runs that did not name another. */
    static Path reports(Path runDir) {
        return runDir.resolve("reports");
    }

    /**
     * Checks a run and makes its report folder; blocks.
     *
     * @param number of the run within the cluster's life
     * @throws LockstepException USAGE when there is no data, ENVIRONMENT when there is no place for the report
     */
    Assignment check(RunRequest request, Instant now, long number) {
        checkData(request.plan());
        checkFiles(request.plan().model(), request.files());
        try {
            Path folder = request.output() == null ? newFolder(now) : givenFolder(request.output());
            String id = request.output() == null ? folder.getFileName().toString() : ID.format(now) + "-" + number;
            return new Assignment(id, request, folder, now);
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT, "there is no place for the report: " + e.getMessage(), e);
        }
    }

    /** Opens the data, which is the check; a run opens its own. */
    private static void checkData(Plan plan) {
        // A file of tensors is one batch, which every measurement must be of; photographs make batches of any size.
        List<Integer> batches = plan.data() instanceof DataSpec.Tensors
                ? plan.measurements().stream()
                        .map(MeasurementSpec::globalBatch)
                        .distinct()
                        .toList()
                : List.of(1);
        for (int batch : batches) {
            try (BatchSource source =
                    BatchSource.open(plan.data(), plan.model(), plan.memoryFormat(), batch, plan.seed())) {
                assert source != null;
            } catch (LockstepException e) {
                throw new LockstepException(FailureCategory.USAGE, "--data: " + e.getMessage(), e);
            }
        }
    }

    /** What a worker would find out later; that the file has the model's tensors it alone can tell. */
    private static void checkFiles(ModelSpec model, StateFiles files) {
        if (files.load() != null) {
            checkWeights(model, Path.of(files.load()));
        }
        checkPlace("--save-weights", files.save());
        checkPlace("--out", files.trace());
    }

    private static void checkWeights(ModelSpec model, Path file) {
        try (Safetensors weights = Safetensors.read(file)) {
            List<Long> head = weights.shape(ModelSpec.HEAD_WEIGHT);
            if (head.size() != 2 || head.get(0) != model.classes()) {
                throw new LockstepException(
                        FailureCategory.USAGE,
                        "%s: tensor '%s' has shape %s, but the model has %d classes"
                                .formatted(file, ModelSpec.HEAD_WEIGHT, head, model.classes()));
            }
        } catch (LockstepException e) {
            throw new LockstepException(e.failure().category(), "--weights: " + e.getMessage(), e);
        }
    }

    private static void checkPlace(String option, String file) {
        if (file == null) {
            return;
        }
        Path folder = Path.of(file).getParent();
        if (Files.isDirectory(Path.of(file))) {
            throw new LockstepException(FailureCategory.USAGE, option + " " + file + " is a folder: name a file");
        }
        if (folder == null || !Files.isDirectory(folder) || !Files.isWritable(folder)) {
            throw new LockstepException(
                    FailureCategory.USAGE, "%s %s: there is no folder %s to write to".formatted(option, file, folder));
        }
    }

    private Path newFolder(Instant now) throws IOException {
        Path parent = Files.createDirectories(reports(runDir));
        Path folder = parent.resolve(ID.format(now));
        for (int attempt = 2; Files.exists(folder); attempt++) {
            folder = parent.resolve(ID.format(now) + "-" + attempt);
        }
        return Files.createDirectory(folder);
    }

    private static Path givenFolder(Path output) throws IOException {
        Path folder = Files.createDirectories(output.toAbsolutePath());
        if (Files.exists(folder.resolve(ReportWriter.JSON))) {
            throw new LockstepException(
                    FailureCategory.USAGE, "--output " + folder + " holds a report already: name another folder");
        }
        return folder;
    }
}
