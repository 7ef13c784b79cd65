package dev.lockstep.coordinator;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The rules of who may know what: docs/architecture.md. */
class ModuleRulesTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.lockstep");

    @Test
    void shouldKeepAkkaOutOfCommandLineReportsAndData() {
        noClasses()
                .that()
                .resideInAnyPackage(
                        "dev.lockstep.coordinator.api..",
                        "dev.lockstep.coordinator.cli..",
                        "dev.lockstep.coordinator.data..",
                        "dev.lockstep.coordinator.peers..",
                        "dev.lockstep.coordinator.report..",
                        "dev.lockstep.coordinator.settings..",
                        "dev.lockstep.coordinator.verify..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("akka..", "dev.lockstep.common.protocol..")
                .check(CLASSES);
    }

    @Test
    void shouldKeepTheEngineAndTheWorkerOut() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("ai.djl..", "dev.lockstep.worker..")
                .check(CLASSES);
    }
}
