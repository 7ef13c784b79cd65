package dev.lockstep.coordinator.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.report.Report;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads {@code report.json} back. */
public final class ReportReader {
    private ReportReader() {}

    /**
     * Reads a report.
     *
     * @param path the file, or the folder that holds {@code report.json}
     * @throws LockstepException (usage) if there is none, or it is not a report of this schema
     */
    public static Report read(Path path) {
        Path file = Files.isDirectory(path) ? path.resolve(ReportWriter.JSON) : path;
        try {
            JsonNode tree = ReportJson.MAPPER.readTree(Files.readAllBytes(file));
            String schema = tree.path("schema").asText("none");
            if (!schema.equals(Report.SCHEMA)) {
                throw new LockstepException(
                        FailureCategory.USAGE,
                        "%s is no report this version can read: its schema is %s, expected %s"
                                .formatted(file, schema, Report.SCHEMA));
            }
            return ReportJson.MAPPER.treeToValue(tree, Report.class);
        } catch (JsonProcessingException e) {
            throw new LockstepException(FailureCategory.USAGE, file + " is not a report: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.USAGE, "there is no report to read at " + file + " (" + e + ")", e);
        }
    }
}
