// Prints live churn scores: java -cp '.services/install/kafka-4.3.1/libs/*' docs/examples/ChurnScores.java 127.0.0.1:9092 [group]
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

class ChurnScores {
    public static void main(String[] args) {
        var settings = Map.<String, Object>of(
            "bootstrap.servers", args[0],
            "group.id", args.length > 1 ? args[1] : "my-churn-scores",
            "isolation.level", "read_committed", // scores that were rolled back are never seen
            "auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("churn-scores"));
            while (true) {
                for (var score : consumer.poll(Duration.ofSeconds(1))) System.out.println(score.key() + "\t" + score.value());
                consumer.commitSync();
            }
        }
    }
}
