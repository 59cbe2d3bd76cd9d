import { join } from 'node:path';
import type { Installation } from './installer.ts';

const MAVEN_DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

const KAFKA_POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tideline</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.3.1</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>4.3.1</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version></dependency>
  </dependencies>
</project>
`;

/** What the servers consist of; a folder without its stamp is installed again. */
export const installations = {
  kafka: {
    name: 'kafka',
    version: '4.3.1',
    size: '55 MB from Maven',
    needs: ['java17', 'maven'],
    steps: (_, tools) => [
      {
        command: tools.maven,
        args: ['-B', '-q', `${MAVEN_DEPENDENCY_PLUGIN}:copy-dependencies`, '-DoutputDirectory=libs', '-DincludeScope=runtime'],
        env: { JAVA_HOME: tools.java(17) },
        files: { 'pom.xml': KAFKA_POM },
      },
    ],
  },
  registry: {
    name: 'registry',
    version: '3.3.3',
    size: '160 MB from Maven',
    needs: ['java21', 'maven'],
    steps: (folder, tools) => [
      {
        command: tools.maven,
        args: ['-B', '-q', `${MAVEN_DEPENDENCY_PLUGIN}:copy`, '-Dartifact=io.apicurio:apicurio-registry-app:3.3.3:tar.gz:all', '-DoutputDirectory=.'],
        env: { JAVA_HOME: tools.java(21) },
      },
      { command: 'tar', args: ['-xzf', join(folder, 'apicurio-registry-app-3.3.3-all.tar.gz')] },
      { command: 'rm', args: [join(folder, 'apicurio-registry-app-3.3.3-all.tar.gz')] },
    ],
  },
  minio: {
    name: 'minio',
    // No tag of it can be installed by Go; this is what its latest version resolved to.
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    size: 'built from source by Go: about 5 minutes on 2 cores, 150 MB and 3 GB of Go caches',
    needs: ['go'],
    steps: (folder, tools) => [
      { command: tools.go, args: ['install', 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c'], env: { GOBIN: folder, GOFLAGS: '-buildvcs=false' } },
    ],
  },
  mlflow: {
    name: 'mlflow',
    version: '3.17.2-onnx',
    size: '900 MB from PyPI, about 2.5 minutes',
    needs: ['python'],
    steps: (folder, tools) => [
      { command: tools.python, args: ['-m', 'venv', join(folder, 'venv')] },
      { command: join(folder, 'venv/bin/python'), args: ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'mlflow==3.17.2', 'boto3==1.44.5', 'onnx==1.23.2', 'onnxruntime==1.31.1'] },
    ],
  },
  /** Reads a compose file as Docker does, without an engine: for the tests. */
  compose: {
    name: 'compose',
    version: 'v2.40.3',
    size: 'built from source by Go: about 2 minutes on 2 cores, 96 MB',
    needs: ['go'],
    // Not `go install`: it refuses modules whose go.mod excludes versions.
    steps: (_, tools) => [
      {
        command: tools.go,
        args: ['get', 'github.com/docker/compose/v2/cmd@v2.40.3'],
        env: { GOFLAGS: '-buildvcs=false' },
        files: { 'go.mod': 'module tideline/compose\n\ngo 1.24\n' },
      },
      { command: tools.go, args: ['build', '-o', 'compose', 'github.com/docker/compose/v2/cmd'], env: { GOFLAGS: '-buildvcs=false' } },
    ],
  },
} as const satisfies Record<string, Installation>;
