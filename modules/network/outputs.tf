output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "IPv4 range of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "subnet_ids" {
  description = "Private subnet of each zone, by the zone's name."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "route_table_ids" {
  description = "Route tables of the private subnets; gateway endpoints are routed here."
  value       = [aws_route_table.private.id]
}
