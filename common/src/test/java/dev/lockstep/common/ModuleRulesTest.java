package dev.lockstep.common;

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
    void shouldKeepAkkaInTheProtocol() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.lockstep.common.protocol..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("akka..")
                .check(CLASSES);
    }

    @Test
    void shouldKeepTheEngineAndTheOtherModulesOut() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("ai.djl..", "dev.lockstep.worker..", "dev.lockstep.coordinator..")
                .check(CLASSES);
    }
}
