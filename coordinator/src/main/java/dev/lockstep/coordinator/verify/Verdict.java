package dev.lockstep.coordinator.verify;

import dev.lockstep.coordinator.verify.Verification.Comparison;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a verification came to.
 *
 * @param judgements one for each comparison, in order
 */
public record Verdict(List<Judgement> judgements) {
    public Verdict {
        judgements = List.copyOf(judgements);
    }

    /** What was found for a comparison. */
    public record Judgement(Comparison comparison, List<Finding> findings) {
        public Judgement {
            findings = List.copyOf(findings);
        }
    }

    /** Whether everything is as it must be. */
    public boolean holds() {
        return beyond().isEmpty();
    }

    /** One sentence for each finding that is beyond its bound. */
    public List<String> beyond() {
        return judgements.stream()
                .flatMap(judgement -> judgement.findings.stream()
                        .filter(finding -> !finding.holds())
                        .map(finding -> "%s: %s of %s, worst %s, must be %s"
                                .formatted(
                                        judgement.comparison.name(),
                                        finding.measured(),
                                        finding.group(),
                                        finding.tensor(),
                                        finding.bound())))
                .toList();
    }

    /** What was compared with what, in one line. */
    public String comparisons() {
        return judgements.stream().map(judgement -> judgement.comparison.name()).collect(Collectors.joining(", "));
    }
}
