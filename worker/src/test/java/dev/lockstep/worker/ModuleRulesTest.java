package dev.lockstep.worker;

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
    void shouldKeepAkkaInTheActorShell() {
        noClasses()
                .that()
                .resideInAPackage("dev.lockstep.worker..")
                .and()
                .resideOutsideOfPackage("dev.lockstep.worker.actor..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("akka..", "dev.lockstep.common.protocol..")
                .check(CLASSES);
    }

    @Test
    void shouldKeepTheCoordinatorOut() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.lockstep.coordinator..")
                .check(CLASSES);
    }
}
